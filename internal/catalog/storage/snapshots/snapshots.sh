# Takes a snapshot of each claim, waits until it is ready, and then lets all but the newest ones go. One that fails keeps no other
# from being taken, and lets nothing go; the exit code tells.
# CLAIMS are namespace/claim; empty means all of DigitalOcean's volumes in namespaces of the PLATFORM.
set -uo pipefail
failed=0

claims() {
  if [ -n "$CLAIMS" ]; then
    printf '%s\n' $CLAIMS
    return
  fi
  local namespaces
  namespaces=$(kubectl get namespaces -l "k8or.io/platform=$PLATFORM" -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}') || return
  for namespace in $namespaces; do
    kubectl get persistentvolumeclaims -n "$namespace" -o json | jq -r '.items[]
      | select(.status.phase == "Bound" and .metadata.annotations["volume.kubernetes.io/storage-provisioner"] == "dobs.csi.digitalocean.com")
      | .metadata.namespace + "/" + .metadata.name' || return
  done
}

take() {
  local namespace=${1%%/*} claim=${1#*/} uid name
  uid=$(kubectl get persistentvolumeclaim "$claim" -n "$namespace" -o jsonpath='{.metadata.uid}') || return
  name=$(kubectl create --validate=false -o jsonpath='{.metadata.name}' -f - <<END
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata:
  generateName: $claim-$SCHEDULE-
  namespace: $namespace
  labels: {k8or.io/snapshots: $SCHEDULE, k8or.io/claim: $uid}
spec:
  volumeSnapshotClassName: $CLASS
  source: {persistentVolumeClaimName: $claim}
END
  ) || return
  kubectl wait "volumesnapshot/$name" -n "$namespace" --for=jsonpath='{.status.readyToUse}'=true --timeout=10m || return
  local old content
  old=$(kubectl get volumesnapshots -n "$namespace" -l "k8or.io/snapshots=$SCHEDULE,k8or.io/claim=$uid" -o json | jq -r --argjson keep "$KEEP" '
    [.items[] | select(.status.readyToUse == true)] | sort_by(.metadata.creationTimestamp, .metadata.name) | .[:-$keep][]
    | .metadata.name + " " + .status.boundVolumeSnapshotContentName') || return
  while read -r name content; do
    [ -n "$name" ] || continue
    kubectl patch volumesnapshotcontent "$content" --type=merge -p '{"spec":{"deletionPolicy":"Delete"}}' || return
    kubectl delete volumesnapshot "$name" -n "$namespace" --wait=false || return
  done <<<"$old"
}

all=$(claims) || { echo "the claims cannot be listed" >&2; exit 1; }
for claim in $all; do
  take "$claim" || { echo "$claim: no snapshot was taken, or an old one did not go" >&2; failed=1; }
done
exit $failed
