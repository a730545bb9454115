/// An expression as it stands in a file.
struct ExpressionUse {
  var expression: Expression

  /// The value it stands in.
  var value: YAMLNode

  /// Where in the value's text it begins, in UTF-8.
  var offset: Int

  /// Whether `$secrets` may stand here.
  var allowsSecrets: Bool

  /// The node it belongs to; `nil` outside of nodes.
  var owner: NodeName?

  /// Where the byte at `inner` of the expression is in the file.
  func position(at inner: Int = 0) -> SourcePosition {
    value.position(ofByte: offset + inner)
  }
}
