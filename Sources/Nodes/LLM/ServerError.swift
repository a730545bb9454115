import Graph
import GraphRuntime

/// What a model server says went wrong.
struct ServerError {
  /// What is not shown of it.
  let mask: SecretMask

  init(_ endpoint: ModelEndpoint) {
    mask = endpoint.mask
  }

  /// The text of an error body: `error.message`, `error`, `message`, `detail`, or the body itself.
  func text(body: [UInt8]) -> String {
    let raw = CapturedOutput(head: [], tail: body, omitted: 0).text
    guard let json = try? JSON(parsing: body) else { return shortened(raw) }
    return text(json["error"] ?? json["message"] ?? json["detail"] ?? .string(raw))
  }

  /// The text of an error as it stands in an answer; one that is JSON itself is looked into once.
  func text(_ error: JSON) -> String {
    switch error {
    case .string(let text):
      guard text.hasPrefix("{"), let inner = try? JSON(parsing: text) else { return shortened(text) }
      return message(inner) ?? shortened(text)
    case .array(let items): return shortened(items.compactMap { message($0) }.joined(separator: "; "))
    default: return message(error) ?? shortened(error.text)
    }
  }

  private func message(_ json: JSON) -> String? {
    let text = json["error"]?["message"] ?? json["message"] ?? json["msg"] ?? json["error"]
    return text?.stringValue.map(shortened)
  }

  private func shortened(_ text: String) -> String {
    let text = mask.mask(text)
    return text.count <= 500 ? text : "\(text.prefix(500))…"
  }
}
