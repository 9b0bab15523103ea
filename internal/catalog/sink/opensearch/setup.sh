# Puts in place how long logs stay and how they are indexed. Each call may be made again.
set -eu
umask 077
host=$(cat /user/host)
at="https://$host:$(cat /user/port)"
printf 'machine %s login %s password %s\n' "$host" "$(cat /user/username)" "$(cat /user/password)" >/tmp/netrc
trust=
[ ! -f /user/ca.crt ] || trust="--cacert /user/ca.crt"
call() {
  # shellcheck disable=SC2086 # no argument at all where there is no authority
  curl --silent --show-error --fail-with-body --netrc-file /tmp/netrc $trust --max-time 30 --header 'Content-Type: application/json' "$@"
}
send() {
  call --output /dev/null --request "$1" --data-binary "@/setup/$3" "$at/$2"
  echo "$2 is in place"
}
call --output /dev/null --retry 60 --retry-delay 5 --retry-all-errors "$at/"
# A policy is changed by who says which version of it is meant.
policy=_plugins/_ism/policies/k8or-logs
if held=$(call "$at/$policy" 2>/dev/null); then
  number=$(printf '%s' "$held" | sed -n 's/.*"_seq_no": *\([0-9]*\).*/\1/p')
  term=$(printf '%s' "$held" | sed -n 's/.*"_primary_term": *\([0-9]*\).*/\1/p')
  policy="$policy?if_seq_no=$number&if_primary_term=$term"
fi
send PUT "$policy" policy.json
send PUT _index_template/k8or-logs template.json
stream=_data_stream/logs-kubernetes-default
if ! call --output /dev/null "$at/$stream" 2>/dev/null; then
  call --output /dev/null --request PUT "$at/$stream"
  echo "$stream is in place"
fi
# What is there already goes on by the policy as it was, until it is told of the new one.
send POST '_plugins/_ism/change_policy/.ds-logs-kubernetes-*' managed.json
rm -f /tmp/netrc
