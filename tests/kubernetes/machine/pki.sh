# An authority, a certificate for each part of the cluster, and the files by which they find the API server.
set -e
. "$HERE/settings.sh"
mkdir -p $PKI; cd $PKI
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 30 -subj /CN=proof 2> /dev/null

# FILE SUBJECT [NAMES]
certificate() {
  openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj "$2" 2> /dev/null
  printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n%s\n' \
    "${3:+subjectAltName=$3}" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile $1.ext -out $1.crt 2> /dev/null
}

# FILE: how its owner reaches the API server.
kubeconfig() {
  cat > $1.kubeconfig << EOF
{"apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
"clusters": [{"name": "c", "cluster": {"server": "https://$CONTROL:6443", "certificate-authority": "$PKI/ca.crt"}}],
"users": [{"name": "u", "user": {"client-certificate": "$PKI/$1.crt", "client-key": "$PKI/$1.key"}}]}
EOF
}

certificate apiserver /CN=kube-apiserver "IP:$CONTROL,IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes.default.svc"
certificate front-proxy /CN=front-proxy
certificate metrics-server /CN=metrics-server "DNS:metrics-server.kube-system.svc"
for pair in admin=/O=system:masters/CN=admin controller-manager=/CN=system:kube-controller-manager \
    scheduler=/CN=system:kube-scheduler proxy=/CN=system:kube-proxy; do
  certificate ${pair%%=*} ${pair#*=}; kubeconfig ${pair%%=*}
done
for i in $(seq $NODES); do
  certificate node$i /O=system:nodes/CN=system:node:node$i "DNS:node$i,IP:10.98.0.1$i"; kubeconfig node$i
done
openssl genrsa -out sa.key 2048 2> /dev/null; openssl rsa -in sa.key -pubout -out sa.pub 2> /dev/null
