import Graph
import GraphRuntime

/// A language model that answers conversations.
protocol ChatModel: Sendable {
  /// As its server knows it.
  var name: String { get }

  /// One answer of the model; its text and thinking are shown as they come.
  ///
  /// Either the whole answer is returned or nothing: what was cut, empty or malformed is a failure.
  /// - Throws: ``NodeFailure`` of kind `connection`, `timeout`, `http`, `model` (the model's side failed), `protocol`
  ///   (the answer is not what the interface promises), `limit` or `refused`; `CancellationError`.
  func reply(
    to request: ChatRequest, show: @escaping @Sendable (String, OutputStream) -> Void
  ) async throws
    -> ChatReply
}

/// What a model is asked.
struct ChatRequest: Sendable, Hashable {
  var messages: [ChatMessage]
  var tools: [ChatTool] = []

  /// The JSON Schema that the answer's text is to fit.
  var format: JSON?

  /// Whether, or how much, the model thinks first: a boolean, or `low`, `medium`, `high`, `max`.
  var think: JSON?

  /// Sampling and size by Ollama's names (`temperature`, `num_ctx`, `num_predict` …).
  var options: JSONObject = [:]
}

/// One whole answer of a model.
struct ChatReply: Sendable, Hashable {
  var message: ChatMessage

  /// `{prompt_tokens, completion_tokens, …}`, as far as the server tells.
  var usage: JSONObject = [:]

  /// Why the model stopped: `stop`, or `length` where the request limits it.
  var finish = "stop"
  var seconds: Double = 0

  /// What a person should know though it is no failure.
  var warnings: [String] = []
}

/// A tool as a model sees it.
struct ChatTool: Sendable, Hashable {
  var name: String
  var description: String

  /// The JSON Schema of its arguments.
  var parameters: JSON
}

/// What a model wants called.
struct ToolCall: Sendable, Hashable {
  /// Never empty; made where the server gave none.
  var id: String
  var name: String
  var arguments: Arguments

  enum Arguments: Sendable, Hashable {
    case object(JSONObject)

    /// What was no JSON object, as it came, and what is wrong with it.
    case malformed(String, reason: String)
  }
}
