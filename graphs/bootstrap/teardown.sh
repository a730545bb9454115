# What the steps of teardown.graph share besides lib.sh: what is ours, and how that is known. Sourced, never run.

: "${IS:=}" "${DELETING:=}" "${NAMESPACES:=}"
. bootstrap/lib.sh

# Between the look and the act a person has thought: the cluster must be what it was.
still_the_same() {
  now=$(cluster_is)
  [ "$now" = "$IS" ] || {
    echo "The cluster $NAME is no longer what it was: it was $IS, now it is $now. Nothing was done to it." >&2
    echo 'remedy: start teardown.graph again, it looks first' >&2
    return 1
  }
}

# What goes with the cluster need not be taken out of it when it does not answer.
goes_with_cluster() { [ "$DELETING" = true ] && ! identity >/dev/null; }

release_ours() {
  if [ -e "$WORKSPACE/helm/releasing" ] && grep -qx new "$WORKSPACE/helm/releasing"; then return 0; fi
  [ -s "$WORKSPACE/helm/installed" ] && [ "$(release_born 2>/dev/null)" = "$(cat "$WORKSPACE/helm/installed")" ]
}

releases() {
  run helm --kube-context "$CONTEXT" list -A -o json --deployed --failed --pending --superseded --uninstalled --uninstalling
}

# The namespaces in Terraform's state, one a line.
owned() {
  [ -e "$WORKSPACE/terraform/terraform.tfstate" ] || return 0
  listed=$(run tf state list) || return
  echo "$listed" | sed -n 's/^kubernetes_namespace_v1\.base\["\(.*\)"\]$/\1/p'
}

# The process of forward.sh, if it lives: a number that was written down may by now be someone else's.
forward() {
  [ -s "$WORKSPACE/grafana.pid" ] || return 0
  pid=$(cat "$WORKSPACE/grafana.pid")
  case "$(ps -o args= -p "$pid" 2>/dev/null)" in *bootstrap/forward.sh*) echo "$pid" ;; esac
}

# What bootstrap.graph writes into the workspace, by name: the folder may be a person's own. What tells whose the cluster
# is comes last, so that a removal that was killed is taken up again. Folders count when nothing is in them.
files() {
  [ -d "$WORKSPACE" ] || return 0
  (
    cd "$WORKSPACE"
    for path in kubeconfig kubeconfig.lock kubeconfig.new k3s-install.sh grafana.log grafana.port grafana.pid \
      helm/cache helm/repositories.yaml helm/repositories.lock helm/given.yaml helm/values.yaml helm/values-more.yaml helm/deployed.json helm/installed helm/releasing \
      helm/kube-prometheus-stack-*.tgz terraform/main.tf terraform/plan.bin terraform/plugins terraform/.terraform terraform/.terraform.lock.hcl \
      terraform/.terraform.tfstate.lock.info terraform/terraform.tfstate* made.new nodes.new creating made nodes; do
      if [ -e "$path" ]; then echo "$path"; fi
    done
    for path in helm terraform .; do
      if [ -d "$path" ] && [ -z "$(ls -A "$path")" ]; then echo "$path"; fi
    done
  )
}

remove_files() {
  files | while read -r path; do
    [ "$path" = . ] || rm -rf "${WORKSPACE:?}/$path"
  done
  # Only what is empty goes: whatever else is in there is not ours.
  rmdir "$WORKSPACE/helm" "$WORKSPACE/terraform" 2>/dev/null || true
  rmdir "$WORKSPACE" 2>/dev/null || true
}

# Whether the container is there that start_probe made.
probe() { if [ -n "$(docker ps -aq --filter "label=graphrun.dev/probe=$NAME")" ]; then echo true; else echo false; fi; }

# look: all that there is, as one JSON object.
look() {
  is=$(cluster_is)
  case "$is" in ours | used) if identity >/dev/null; then answers=true; else answers=false; fi ;; *) answers=false ;; esac
  mine=false others='[]' spaces='' strange=''
  if [ "$answers" = true ]; then
    others=$(releases)
    if release_ours; then mine=true; fi
    for name in $(owned); do
      if [ -n "$(k get namespace "$name" --ignore-not-found -o name)" ]; then
        spaces="$spaces{\"name\":\"$name\",\"pods\":$(k -n "$name" get pods -o name | wc -l)},"
      fi
    done
    strange=$(k get namespaces -l 'graphrun.dev/phase!=bootstrap' -o name)
  fi
  printf '{"cluster":"%s","answers":%s,"release_ours":%s,"releases":%s,"owned":[%s],"strange":[%s],"forward":"%s",' \
    "$is" "$answers" "$mine" "$others" "${spaces%,}" "$(quoted "$strange")" "$(forward)"
  printf '"files":[%s],"probe":%s,"containers":[%s]}' "$(quoted "$(files)")" "$(probe)" \
    "$(parts | sed '$!s/$/,/')"
}

# Words as JSON strings with commas between.
quoted() { [ -z "$1" ] || printf '"%s",' $1 | sed 's/,$//'; }
