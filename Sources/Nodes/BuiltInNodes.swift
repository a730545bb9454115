public import GraphRuntime

/// The node kinds of this module.
public enum BuiltInNodes {
  public static var all: [any NodeKind] {
    [
      SetNode(), ShellNode(), VerifyNode(), HTTPNode(), LLMNode(), MCPNode(), AgentNode(), AskNode(), GraphNode(),
      WaitNode(), MemoryNode(), SwiftNode(),
    ]
  }

  /// Lets go of what the kinds share (connections); a later use opens it again.
  public static func shutDown() async {
    await HTTPConnections.shared.shutDown()
  }
}
