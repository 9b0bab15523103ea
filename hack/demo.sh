#!/bin/sh
# `make demo`: from nothing to a running platform in the sandbox, on a copy of the example, with the times it took.
set -eu
began=$(date +%s)
say() { printf '\n\033[1m%s\033[0m\n' "$1"; }
[ -t 1 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n%s\n' "$1"; }
since() { echo $(($(date +%s) - began)); }

dir=${K8OR_DEMO_DIR:-.k8or/demo}
bin=$PWD/bin
rm -rf "$dir/platform"
mkdir -p "$dir/platform"
cp -R examples/starter/. "$dir/platform/"
export K8OR_SANDBOX_DIR="${K8OR_SANDBOX_DIR:-$PWD/$dir/sandbox}"

say "Building k8or and its sandbox (the first time takes some minutes)"
make -s k8or sandbox
built=$(since)
# The control plane is a large build of its own; the plan does not wait for it.
make -s controlplane >"$dir/controlplane.log" 2>&1 &
building=$!
k8or=$bin/k8or

say "Starting the sandbox: clouds in a box, at 60 times the speed of life"
"$k8or" sandbox stop >/dev/null 2>&1 || true
"$k8or" sandbox start --speed 60
cd "$dir/platform"

say "The document"
cat k8or.yaml

say "The plan: what would be made, what it costs a month, and whether it fits"
"$k8or" plan --sandbox
printf 'The plan stood %s s after the build.\n' "$(($(since) - built))"

say "Waiting for the simulated clusters' Kubernetes to be built"
if ! wait "$building"; then
  cat ../controlplane.log
  exit 1
fi
ready=$(since)

say "k8or up: bring it up before your eyes"
"$k8or" up --sandbox --yes

say "What is there now"
"$k8or" status --sandbox
"$k8or" sandbox requests

cat <<EOF

It took $(since) s from the start: $built s to build k8or and the sandbox, $((ready - built)) s more until the control plane was built, and $(($(since) - ready)) s from there to a running platform.

What to try next:
  cd $dir/platform
  export PATH="$bin:\$PATH" K8OR_SANDBOX_DIR="$K8OR_SANDBOX_DIR"
  k8or up --sandbox            nothing to do: the document and the platform agree
  (edit k8or.yaml: add a pool, change a size) && k8or plan --sandbox
  k8or kubeconfig --sandbox > kubeconfig && kubectl --kubeconfig kubeconfig get pods -A
  k8or down --sandbox --confirm=starter
  k8or sandbox stop
EOF
