# What Terraform owns: the namespaces. Helm deploys into them and creates none, so each thing has one owner.
# The cluster is not made here: a provider cannot be configured from values that the same apply produces.

terraform {
  required_version = ">= 1.5"

  backend "local" {
    path = "terraform.tfstate"
  }

  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 3.2"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.1"
    }
  }
}

# Neither provider reads KUBECONFIG; without a path they would dial http://localhost.
variable "kubeconfig" {
  description = "The kubeconfig file that bootstrap.graph wrote."
  type        = string
}

variable "kube_context" {
  description = "The cluster's context in that file."
  type        = string
  default     = "kind-oppen-local"
}

provider "kubernetes" {
  config_path    = var.kubeconfig
  config_context = var.kube_context
}

# For small base charts. kube-prometheus-stack is released by the Helm command line, and by nothing else.
provider "helm" {
  kubernetes = {
    config_path    = var.kubeconfig
    config_context = var.kube_context
  }
}

resource "kubernetes_namespace_v1" "base" {
  for_each = toset(["monitoring", "apps"])

  metadata {
    name = each.key
    labels = {
      "app.kubernetes.io/managed-by" = "terraform"
      "graphrun.dev/phase"           = "bootstrap"
    }
  }

  lifecycle {
    ignore_changes = [metadata[0].annotations]
  }
}

output "namespaces" {
  description = "The namespaces that exist now."
  value       = sort([for n in kubernetes_namespace_v1.base : n.metadata[0].name])
}
