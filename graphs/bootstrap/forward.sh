#!/bin/sh
# Keeps Grafana reachable on 127.0.0.1:$PORT. A port-forward picks one pod and ends, or hangs, when that pod goes away,
# so this looks every few seconds and makes a new one. Ends on TERM, and by itself when the cluster stays away.
set -eu
. bootstrap/lib.sh

folders
log="$WORKSPACE/grafana.log"
forward=
trap 'kill $forward 2>/dev/null || true; rm -f "$WORKSPACE/grafana.pid"; exit 0' TERM INT HUP
echo $$ >"$WORKSPACE/grafana.pid"
echo "$PORT" >"$WORKSPACE/grafana.port"

reached=no
failures=0
while [ "$failures" -lt 120 ]; do
  # Into a file: the terminal that this was started from will be gone.
  kubectl --context "$CONTEXT" -n monitoring port-forward --address 127.0.0.1 \
    "svc/$RELEASE-grafana" "$PORT:80" >"$log" 2>&1 &
  forward=$!
  unanswered=0
  while kill -0 "$forward" 2>/dev/null; do
    sleep 1 & wait $! || true
    if grafana_answers; then
      reached=yes failures=0 unanswered=0
      sleep 4 & wait $! || true
    else
      unanswered=$((unanswered + 1))
      [ "$unanswered" -lt 20 ] || kill "$forward" 2>/dev/null || true
    fi
  done
  wait "$forward" || true

  # One that never worked is the step's failure to show: a taken port, a missing service.
  if [ "$reached" = no ] && [ "$failures" -ge 2 ]; then
    break
  fi
  failures=$((failures + 1))
  sleep 1 & wait $! || true
done

cat "$log" >&2
remedy "$log" "kubectl port-forward" >&2
rm -f "$WORKSPACE/grafana.pid"
exit 1
