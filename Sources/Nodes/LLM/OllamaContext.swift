import Graph

/// The room for a conversation, always said: a server's own choice may be so small that it drops the oldest messages
/// silently.
struct OllamaContext: Sendable, Hashable {
  /// Without a wish; more costs memory that a small machine lacks.
  static let standardTokens = 32_768

  /// `num_ctx` as it is asked for.
  let tokens: Int

  /// The request's options first, then the model's own parameters, then what fits the model.
  init(_ options: JSONObject, _ details: OllamaServer.Details) {
    let longest = details.contextLength.flatMap { $0 > 0 ? $0 : nil } ?? .max
    tokens =
      options["num_ctx"]?.intValue ?? details.configuredContext ?? min(Self.standardTokens, longest)
    room = min(tokens, longest)
  }

  /// What the model has at most.
  private let room: Int

  /// That the conversation is about to outgrow the context, or has.
  func warning(usage: JSONObject, model: String) -> String? {
    let used = (usage["prompt_tokens"]?.intValue ?? 0) + (usage["completion_tokens"]?.intValue ?? 0)
    guard room > 0, used * 10 >= room * 9 else { return nil }
    return "\(used) of \(room) tokens of \(model)'s context are used: what is oldest may have been dropped; raise "
      + "options.num_ctx, or shorten the messages"
  }
}
