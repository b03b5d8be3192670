"""What is left away of a notebook's outputs."""

from __future__ import annotations

from nbformat import v4

from website.execute_notebooks import clean


def test_logs_and_progress_are_left_away():
    kept = [v4.new_output("stream", name="stdout", text="a\nINFO:tensorflow:b\n\n[ 1/5] Stage  1.4 s\nc\n"),
            v4.new_output("display_data", {"image/png": "QUI=", "text/plain": "<Figure>"}),
            v4.new_output("execute_result", {"text/plain": "[ 1/5] is no progress here"})]
    left = [v4.new_output("stream", name="stderr", text="warning\n"), v4.new_output("stream", name="stdout", text="INFO:x\n"),
            v4.new_output("display_data", {"text/plain": "[ 2/5] Stage   163.0 s\n", "text/html": "<pre></pre>"}),
            v4.new_output("display_data", {"application/javascript": "x"})]
    metadata = {"execution": {"iopub.status.busy": "2026"}, "tags": ["parameters"]}
    cell = v4.new_code_cell("f()", outputs=[*kept, *left], metadata=metadata)
    kernel = {"display_name": "Python 3", "name": "python3"}
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell("# 1. A"), cell],
                               metadata={"kernelspec": kernel, "language_info": {"name": "python", "version": "3.10.13"}})
    clean(notebook)
    assert notebook.metadata == {"kernelspec": kernel}
    assert cell.metadata == {"tags": ["parameters"]}
    assert [output.get("text") for output in cell.outputs] == ["a\nc\n", None, None] and cell.outputs == kept
