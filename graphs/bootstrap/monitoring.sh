# The monitoring: Helm's release, and Grafana reached and asked. Sourced by lib.sh.

fetch_chart() {
  folders
  run helm repo add prometheus-community https://prometheus-community.github.io/helm-charts --force-update
  run helm repo update prometheus-community
  run helm pull prometheus-community/kube-prometheus-stack --version "$CHART_VERSION" --destination "$WORKSPACE/helm"
}
chart_fetched() { [ -s "$CHART" ] && helm show chart "$CHART" >/dev/null 2>&1; }

# The release in any state, as Helm's JSON list of none or one. All states by name: Helm 4 has no --all, and Helm 3
# without it hides the pending ones.
release() {
  run h list -o json --filter "^$RELEASE\$" --deployed --failed --pending --superseded --uninstalled --uninstalling
}

# When the release was first deployed: an upgrade keeps that moment, another release has another one.
release_born() { h status "$RELEASE" -o json | sed -n 's/.*"first_deployed":"\([^"]*\)".*/\1/p'; }

# `releasing` says `new` where there was no release before ours; from its end on, `installed` says which one is ours.
remember_release() {
  if grep -qx new "$WORKSPACE/helm/releasing" && born=$(release_born 2>/dev/null) && [ -n "$born" ]; then
    echo "$born" >"$WORKSPACE/helm/installed"
  fi
  rm "$WORKSPACE/helm/releasing"
}

# What this cluster is given: values.yaml, and for k3s, whose parts are one process on the node, where it is found.
values() {
  folders
  cat bootstrap/values.yaml >"$WORKSPACE/helm/values.new"
  : >"$WORKSPACE/helm/values-more.new"
  if [ "$CLUSTER" = k3s ]; then
    node=$(k get nodes -o 'jsonpath={.items[0].status.addresses[?(@.type=="InternalIP")].address}')
    sed "s/NODE_IP/${node:?}/" bootstrap/values-k3s.yaml >"$WORKSPACE/helm/values-more.new"
  fi
  mv "$WORKSPACE/helm/values.new" "$WORKSPACE/helm/values.yaml"
  mv "$WORKSPACE/helm/values-more.new" "$WORKSPACE/helm/values-more.yaml"
}

# Deployed, this chart, and with the values that we gave and nobody changed since.
release_current() {
  case "$(release)" in *'"status":"deployed","chart":"'"$RELEASE-$CHART_VERSION"'"'*) ;; *) return 1 ;; esac
  values
  cat "$WORKSPACE/helm/values.yaml" "$WORKSPACE/helm/values-more.yaml" | cmp -s - "$WORKSPACE/helm/given.yaml" &&
    h get values "$RELEASE" -o json | cmp -s - "$WORKSPACE/helm/deployed.json"
}

# Repeating an upgrade that failed is safe. One of ours that was killed, or lost the cluster, is undone first.
install_release() {
  folders
  if [ -e "$WORKSPACE/helm/releasing" ]; then repair_release; fi
  found=$(release)
  case "$found" in *'"status":"pending-'*)
    echo "The release $RELEASE is pending, and not by this workspace." >&2
    echo 'remedy: run bootstrap again, it offers the repair' >&2
    return 1 ;;
  esac
  if [ "$found" = '[]' ]; then echo new >"$WORKSPACE/helm/releasing"; else touch "$WORKSPACE/helm/releasing"; fi
  values
  run h upgrade --install "$RELEASE" "$CHART" -f "$WORKSPACE/helm/values.yaml" -f "$WORKSPACE/helm/values-more.yaml" --wait --timeout 15m || {
    code=$?
    # Where it cannot be seen, or is pending, it is ours to undo the next time.
    case "$(release 2>/dev/null)" in '' | *'"status":"pending-'*) ;; *) remember_release ;; esac
    return $code
  }
  cat "$WORKSPACE/helm/values.yaml" "$WORKSPACE/helm/values-more.yaml" >"$WORKSPACE/helm/given.yaml"
  run h get values "$RELEASE" -o json >"$WORKSPACE/helm/deployed.json"
  remember_release
}

# A Helm that was killed leaves its release pending, and then refuses every upgrade. A first revision has nothing worth
# keeping; a later one goes back to the newest that was deployed.
repair_release() {
  case "$(release)" in
    *'"revision":"1"'*'"status":"pending-'* | *'"status":"uninstalling"'*) run h uninstall "$RELEASE" --wait --timeout 5m ;;
    *'"status":"pending-'*)
      good=$(h history "$RELEASE" -o json | tr '}' '\n' | sed -n 's/.*"revision":\([0-9]*\),.*"status":"deployed".*/\1/p' | tail -n 1)
      # shellcheck disable=SC2086
      run h rollback "$RELEASE" $good --wait --timeout 5m ;;
  esac
}

# Prometheus' own word, through the API server: nothing has to be forwarded, and no port can be taken.
prometheus() { k get --raw "/api/v1/namespaces/monitoring/services/$RELEASE-prometheus:9090/proxy$1"; }

# --- Grafana ---------------------------------------------------------------------------------------------------------

grafana_answers() { curl -fsS -m 5 "http://127.0.0.1:$PORT/api/health" 2>/dev/null | grep -q '"database"'; }

# Our own forward, alive and answering: the loop of forward.sh wrote down its process and port.
grafana_forwarded() {
  [ -s "$WORKSPACE/grafana.pid" ] && [ "$(cat "$WORKSPACE/grafana.port")" = "$PORT" ] &&
    kill -0 "$(cat "$WORKSPACE/grafana.pid")" 2>/dev/null && grafana_answers
}

# Asks Grafana as its admin. The password goes from the cluster's secret to curl's standard input: it is in no argument,
# in no file, and in nothing that this prints.
grafana() {
  k -n monitoring get secret "$RELEASE-grafana" -o go-template='user = "{{index .data "admin-user" | base64decode}}:{{index .data "admin-password" | base64decode}}"' |
    curl -sS -m 10 -K - "http://127.0.0.1:$PORT$1"
}

# $REQUEST names the model as JSON. Where only a server can be reached it pulls alone; an error comes under HTTP 200.
pull_by_server() {
  pulled=$(curl -sS "$OLLAMA/api/pull" -d "$REQUEST") || return
  case "$pulled" in *'"status":"success"'*) ;; *) echo "$pulled" >&2; return 1 ;; esac
}

report() {
  if [ "$CLUSTER" = kind ]; then
    stop="docker stop $NAME-control-plane" delete="kind delete cluster --name $NAME --kubeconfig $KUBECONFIG"
  else
    stop='sudo systemctl stop k3s' delete='sudo k3s-uninstall.sh'
  fi
  cat <<END
Cluster     $NAME ($CLUSTER)    kubectl --kubeconfig $KUBECONFIG get nodes
Namespaces  monitoring, apps    (Terraform: $WORKSPACE/terraform)
Monitoring  $RELEASE $CHART_VERSION    helm --kubeconfig $KUBECONFIG -n monitoring list
Grafana     http://127.0.0.1:$PORT    user admin, password:
            kubectl --kubeconfig $KUBECONFIG -n monitoring get secret $RELEASE-grafana -o jsonpath='{.data.admin-password}' | base64 -d
Prometheus  kubectl --kubeconfig $KUBECONFIG -n monitoring port-forward svc/$RELEASE-prometheus 9090, then http://127.0.0.1:9090
Model       $MODEL at $OLLAMA
To stop     the way to Grafana: kill \$(cat $WORKSPACE/grafana.pid)
            the cluster, kept for later: $stop
            the cluster, for good: $delete
            all that was made here, for good: graphrun teardown.graph$([ "$NAME $CLUSTER" = 'oppen-local kind' ] || echo " --input cluster=$CLUSTER --input name=$NAME")
END
  [ -z "$NOTES" ] || printf 'Note        %s\n' "$NOTES"
}
