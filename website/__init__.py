"""What MkDocs needs to make a site of this repository; `make site`."""
