import Graph
import NIOHTTP1
import Synchronization

/// What the protocol repeats of a message in header fields.
extension HTTPTransport {
  func fields(for message: MCPMessage) -> HTTPHeaders {
    switch message.agreement?.era {
    case nil: [:]
    case .legacy: sessionFields(message.agreement)
    case .modern: modernFields(for: message)
    }
  }

  func sessionFields(_ agreement: MCPAgreement?) -> HTTPHeaders {
    var fields: HTTPHeaders = [:]
    if let agreement { fields.add(name: "MCP-Protocol-Version", value: agreement.version) }
    if let session = state.withLock({ $0.session }) { fields.add(name: "Mcp-Session-Id", value: session) }
    return fields
  }

  private func modernFields(for message: MCPMessage) -> HTTPHeaders {
    var fields: HTTPHeaders = ["Mcp-Method": message.method]
    if let agreement = message.agreement { fields.add(name: "MCP-Protocol-Version", value: agreement.version) }
    let params = message.body["params"]
    if let name = Self.name(in: params, of: message.method) {
      fields.add(name: "Mcp-Name", value: MCPHeaderValue.encoded(name))
    }
    // A tool with a mistake there is not in the list of tools.
    if let tool = message.tool, let mirror = try? MCPMirror(tool.inputSchema) {
      for field in mirror.fields(for: params?["arguments"]) { fields.add(name: field.name, value: field.value) }
    }
    return fields
  }

  private static func name(in params: JSON?, of method: String) -> String? {
    switch method {
    case "tools/call", "prompts/get": params?["name"]?.stringValue
    case "resources/read": params?["uri"]?.stringValue
    default: method.hasPrefix("tasks/") ? params?["taskId"]?.stringValue : nil
    }
  }
}
