# The first process of node $1: its mounts, network and groups; containerd, kubelet, kube-proxy.
. "$HERE/settings.sh"
i=$1; name=node$i; own=$STATE/$name
mount --make-rprivate /; hostname $name; mount_cgroups
touch $own/started
# The kubelet would set these for the whole machine: it is shown that they are as it wants.
for pair in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 kernel/keys/root_maxkeys=1000000 \
    kernel/keys/root_maxbytes=25000000; do
  file=$own/sysctl/$(basename ${pair%=*}); mkdir -p $own/sysctl; echo ${pair#*=} > $file
  mount --bind $file /proc/sys/${pair%=*}
done
# The images' bytes are shared by the nodes, as hard links: nothing writes to them. The lists of them are each node's own.
mkdir -p $own/var/lib
cp -al $CACHE/containerd $own/var/lib/
find $own/var/lib/containerd -name '*.db' -exec sh -c 'cp "$1" "$1.own" && mv "$1.own" "$1"' _ {} \;
mount -t tmpfs tmpfs /run; mkdir -p /run/containerd /run/netns
for path in /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers /etc/cni/net.d /var/lib/containerd; do
  mkdir -p $path $own$path; mount --bind $own$path $path
done
mount --make-rshared /

until [ -e $own/linked ]; do sleep 0.1; done
ip link set lo up; ip addr add 10.98.0.1$i/24 dev eth0; ip link set eth0 up; ip route add default via $CONTROL
for j in $(seq $NODES); do [ $j = $i ] || ip route add 10.97.$j.0/24 via 10.98.0.1$j; done
sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1
cat > /etc/cni/net.d/10-pods.conflist << EOF
{"cniVersion": "1.0.0", "name": "pods", "plugins": [
{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true, "ipam": {"type": "host-local",
 "ranges": [[{"subnet": "10.97.$i.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
EOF
cat > $own/containerd.toml << EOF
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "zoo.test/pause:1"
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$CACHE/debian/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
EOF
containerd -c $own/containerd.toml > $STATE/log/$name-containerd.log 2>&1 &
until ctr version > /dev/null 2>&1; do sleep 0.2; done
cat > $own/kubelet.yaml << EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: 10.98.0.1$i
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $PKI/ca.crt}}
authorization: {mode: Webhook}
tlsCertFile: $PKI/$name.crt
tlsPrivateKeyFile: $PKI/$name.key
cgroupDriver: cgroupfs
failCgroupV1: false
protectKernelDefaults: true
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDomain: cluster.local
clusterDNS: [$CONTROL]
resolvConf: $STATE/resolv.conf
failSwapOn: false
evictionHard: {memory.available: 200Mi, nodefs.available: "1%", imagefs.available: "1%", nodefs.inodesFree: "1%"}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
systemReserved: {memory: ${RESERVED:-16Gi}}
enforceNodeAllocatable: [pods]
nodeStatusUpdateFrequency: 5s
healthzBindAddress: 127.0.0.1
EOF
cat > $own/proxy.yaml << EOF
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clientConnection: {kubeconfig: $PKI/proxy.kubeconfig}
mode: iptables
clusterCIDR: 10.97.0.0/16
hostnameOverride: $name
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
conntrack: {maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
EOF
kubelet --config=$own/kubelet.yaml --kubeconfig=$PKI/$name.kubeconfig --hostname-override=$name --node-ip=10.98.0.1$i \
  --root-dir=/var/lib/kubelet > $STATE/log/$name-kubelet.log 2>&1 &
kube-proxy --config=$own/proxy.yaml > $STATE/log/$name-proxy.log 2>&1 &
while :; do wait -n || sleep 1; done
