import GraphNodes
import GraphRuntime

extension NodeRegistry {
  /// What graphs on this command line may use.
  static var builtIn: NodeRegistry { NodeRegistry(BuiltInNodes.all) }

  static func shutDown() async { await BuiltInNodes.shutDown() }
}
