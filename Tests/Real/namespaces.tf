# What graphs/bootstrap/terraform/main.tf does, without a provider, which only Terraform's registry has: each namespace is made by
# kubectl. `make test-real` puts it in the place of that file.

terraform {
  required_version = ">= 1.5"
  backend "local" {
    path = "terraform.tfstate"
  }
}

variable "kubeconfig" {
  type = string
}

variable "kube_context" {
  type    = string
  default = "kind-oppen-local"
}

resource "terraform_data" "base" {
  for_each = toset(["monitoring", "apps"])
  input    = each.key

  provisioner "local-exec" {
    command = "kubectl --kubeconfig \"$KUBE\" --context \"$CONTEXT\" create namespace ${each.key}"
    environment = {
      KUBE    = var.kubeconfig
      CONTEXT = var.kube_context
    }
  }
}

output "namespaces" {
  value = sort([for n in terraform_data.base : n.output])
}
