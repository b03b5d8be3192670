# The first process of the cluster: its network, etcd, the control plane, names, the metrics of pods, and the nodes.
. "$HERE/settings.sh"
mount --make-rprivate /; hostname control; mount_cgroups
mount -t tmpfs tmpfs /run
printf 'nameserver %s\nsearch svc.cluster.local\n' $CONTROL > $STATE/resolv.conf
mount --bind $STATE/resolv.conf /etc/resolv.conf

ip link set lo up; ip link add br0 type bridge; ip addr add $CONTROL/24 dev br0; ip link set br0 up
sysctl -qw net.ipv4.ip_forward=1
for i in $(seq $NODES); do ip route add 10.97.$i.0/24 via 10.98.0.1$i onlink dev br0; done

bash "$HERE/pki.sh" || exit 1

run() { "$@" > $STATE/log/$(basename $1).log 2>&1 & } # one log a part
run etcd --data-dir $STATE/etcd --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
  --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380 \
  --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380
run kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=$CONTROL --advertise-address=$CONTROL --secure-port=6443 \
  --client-ca-file=$PKI/ca.crt --tls-cert-file=$PKI/apiserver.crt --tls-private-key-file=$PKI/apiserver.key \
  --kubelet-client-certificate=$PKI/admin.crt --kubelet-client-key=$PKI/admin.key \
  --kubelet-certificate-authority=$PKI/ca.crt --kubelet-preferred-address-types=InternalIP \
  --service-cluster-ip-range=10.96.0.0/16 --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
  --service-account-key-file=$PKI/sa.pub --service-account-signing-key-file=$PKI/sa.key \
  --service-account-issuer=https://kubernetes.default.svc.cluster.local --allow-privileged=true \
  --enable-aggregator-routing=true --requestheader-client-ca-file=$PKI/ca.crt --requestheader-allowed-names=front-proxy \
  --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
  --requestheader-extra-headers-prefix=X-Remote-Extra- \
  --proxy-client-cert-file=$PKI/front-proxy.crt --proxy-client-key-file=$PKI/front-proxy.key
until kubectl get --raw /readyz > /dev/null 2>&1; do sleep 0.3; done
# A node that says nothing is given up after 40 seconds: the machine may be busy with other things.
run kube-controller-manager --kubeconfig=$PKI/controller-manager.kubeconfig --root-ca-file=$PKI/ca.crt \
  --service-account-private-key-file=$PKI/sa.key --use-service-account-credentials --bind-address=127.0.0.1 \
  --cluster-signing-cert-file=$PKI/ca.crt --cluster-signing-key-file=$PKI/ca.key --leader-elect=false \
  --allocate-node-cidrs=false --node-monitor-grace-period=40s --kube-api-qps=200 --kube-api-burst=400
run kube-scheduler --kubeconfig=$PKI/scheduler.kubeconfig --bind-address=127.0.0.1 --leader-elect=false --kube-api-qps=200 \
  --kube-api-burst=400
printf 'cluster.local:53 {\n errors\n loadbalance\n kubernetes cluster.local {\n  kubeconfig %s\n }\n}\n' $KUBECONFIG > $STATE/Corefile
run coredns -conf $STATE/Corefile
run metrics-server --kubeconfig=$KUBECONFIG --authentication-kubeconfig=$KUBECONFIG --authorization-kubeconfig=$KUBECONFIG \
  --bind-address=$CONTROL --secure-port=4443 --tls-cert-file=$PKI/metrics-server.crt \
  --tls-private-key-file=$PKI/metrics-server.key --kubelet-certificate-authority=$PKI/ca.crt \
  --kubelet-preferred-address-types=InternalIP --metric-resolution=15s

for i in $(seq $NODES); do
  mkdir -p $STATE/node$i
  (enter_cgroup node$i; in_namespaces node.sh $i) > $STATE/log/node$i.log 2>&1 &
  outer=$!
  until [ -e $STATE/node$i/started ]; do sleep 0.1; done
  inner=$(pgrep -P $outer); echo $inner > $STATE/node$i/pid
  ip link add n$i type veth peer name eth0 netns $inner; ip link set n$i master br0 up
  touch $STATE/node$i/linked
done
ready=0
until [ $ready = $NODES ]; do sleep 0.5; ready=$(kubectl get nodes --no-headers 2> /dev/null | grep -c ' Ready '); done
touch $STATE/ready
while :; do wait -n || sleep 1; done
