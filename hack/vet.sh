#!/bin/sh
# `go vet -vettool=hack/vet.sh`: vet for this project's packages. `go vet` also hands each library to the tool, not to find faults in it
# but for what it knows of its functions, such as which of them print; with a cold cache that takes longer than all the rest. Here
# nothing is known of libraries but the standard one's names, which vet has by heart.
set -eu
vet=$(go env GOTOOLDIR)/vet
for config; do :; done
case $config in
*.cfg)
  if grep -q '"VetxOnly": true' "$config" && ! grep -q '"ImportPath": "github.com/k8or/k8or' "$config"; then
    : >"$(sed -n 's/^\t"VetxOutput": "\(.*\)",$/\1/p' "$config")"
    exit
  fi ;;
-V=full) # results are cached by it
  echo "$("$vet" -V=full) of github.com/k8or/k8or alone"
  exit ;;
esac
exec "$vet" "$@"
