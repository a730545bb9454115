extension NodeFormat {
  /// Which model a node asks, and how: the same for every kind that asks one.
  static let modelFields = [
    FieldFormat(
      "provider", .choice(["ollama", "openai"], computed: true),
      "Ollama's own interface, or any that speaks OpenAI's; without it ollama."),
    FieldFormat("model", .template, "The model's name, for instance llama3.1."),
    FieldFormat(
      "url", .template,
      "Where the model is served; without it OLLAMA_HOST or OPENAI_BASE_URL of the environment, else the usual place."),
    FieldFormat("private", .bool, "Whether an address that an expression gives may be a private one."),
    FieldFormat("headers", .map(keys: .header, values: .template), "Header fields; secrets may stand here."),
    FieldFormat(
      "api-key", .environmentName, "The environment variable that holds the key; it becomes a secret of the graph."),
    FieldFormat(
      "options", .map(keys: .any, values: .value),
      "Sampling and size: temperature, seed, num_predict, for Ollama num_ctx and the like."),
    FieldFormat(
      "think", .any([.bool, .choice(["low", "medium", "high", "max"])]),
      "Whether, or how much, the model thinks first; without it as the model does by itself."),
    FieldFormat(
      "keep-alive", .any([.integer(-1...Int(Int32.max)), .duration()]),
      "How long Ollama keeps the model loaded: a duration, 0 for not at all, -1 for ever."),
    FieldFormat(
      "max-tokens-field", .choice(["max_tokens", "max_completion_tokens"]),
      "What an openai endpoint calls the limit of the answer; without it max_tokens."),
    FieldFormat("extra", .map(keys: .any, values: .value), "Members added to the request as they are."),
    FieldFormat("first-byte", .duration(), "How long until the answer begins; without it 120s."),
    FieldFormat("idle", .duration(), "How long the answer may pause; without it 60s."),
    FieldFormat("system", .template, "What the model is told first."),
    FieldFormat("prompt", .template, "What is asked."),
    FieldFormat("messages", .value, "A conversation to answer: a list of {role, content}, in place of a prompt."),
  ]

  /// The fields of ``modelFields`` that only one provider has, by its name.
  static let ownModelFields = ["keep-alive": "ollama", "max-tokens-field": "openai"]

  static let llm = NodeFormat(
    kind: "llm",
    description:
      "Asks a language model once. The result is {text, message, json?, usage, seconds, finish?, warnings?}.",
    fields: modelFields + [
      FieldFormat("format", .schema, "The JSON Schema that the answer must fit; the result has it as json."),
      FieldFormat(
        "tools", .list(.object(tool)),
        "Tools that the model may name in message.tool_calls; nothing is run."),
    ], shorthand: "prompt", exactlyOne: [["prompt", "messages"]])

  static let agent = NodeFormat(
    kind: "agent",
    description:
      "Lets a language model use tools of MCP servers until it answers. The result is {text, messages, calls, usage}.",
    fields: modelFields + [
      FieldFormat(
        "servers", .list(.serverName, isEmptyAllowed: true), "The servers whose tools it has; without it all of them."),
      FieldFormat(
        "tools", .object(permissions), "Which tools it may call; what is not named needs a person's approval."),
      FieldFormat("max-turns", .integer(1...1000), "Replies of the model until it must have answered; without it 20."),
      FieldFormat("max-calls", .integer(1...10_000), "Calls of tools in all; without it 100."),
      FieldFormat("max-tokens", .integer(1...Int(Int32.max)), "Tokens that all turns may take; without it any number."),
      FieldFormat(
        "limit", .integer(256...(1 << 20)), "Bytes of a tool's result that the model sees; without it 32768."),
    ], shorthand: "prompt", exactlyOne: [["prompt", "messages"]], base: "llm")

  private static let permissions = ObjectShape(
    "tools ({allow, approve, deny})",
    [
      FieldFormat("allow", patterns, "Tools that may be called: TOOL or SERVER.TOOL, * stands for any characters."),
      FieldFormat("approve", patterns, "Tools that may be called when a person approves the call."),
      FieldFormat("deny", patterns, "Tools that are never called, and that the model is not told of."),
    ])

  private static let patterns = Shape.list(.text, isEmptyAllowed: true)

  private static let tool = ObjectShape(
    "a tool",
    [
      FieldFormat("name", .text, "What the model calls it.", isRequired: true),
      FieldFormat("description", .text, "What it does and when to use it."),
      FieldFormat("parameters", .schema, "The JSON Schema of its arguments, an object."),
    ])
}
