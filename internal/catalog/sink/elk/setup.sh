# Puts in place how long logs are kept, how they are indexed, and the view of them in Kibana. Each call may be made again.
set -eu
umask 077
trap 'rm -f /tmp/netrc' EXIT
for host in "$ELASTICSEARCH" "$KIBANA"; do
  printf 'machine %s login %s password %s\n' "$host" "$(cat /user/username)" "$(cat /user/password)" >>/tmp/netrc
done
call() {
  curl --silent --show-error --fail-with-body --netrc-file /tmp/netrc --max-time 30 \
    --retry 60 --retry-delay 5 --retry-all-errors --header 'Content-Type: application/json' --output /dev/null "$@"
}
put() {
  call --cacert /authority/ca.crt --request PUT --data-binary "@/setup/$2" "https://$ELASTICSEARCH:9200/$1"
  echo "$1 is in place"
}
put _ilm/policy/k8or-logs policy.json
put _index_template/k8or-logs template.json
view() {
  call "$@" --request POST --header 'kbn-xsrf: k8or' --data-binary @/setup/view.json
}
if [ "$KIBANA_TLS" = true ]; then
  view --cacert /kibana/ca.crt "https://$KIBANA:5601/api/data_views/data_view"
else
  view "http://$KIBANA:5601/api/data_views/data_view"
fi
echo "Kibana's view of the logs is in place"
