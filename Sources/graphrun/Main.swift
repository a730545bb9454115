import Foundation
import Graph

@main struct Main {
  static func main() {
    if CommandLine.arguments.dropFirst().first == JQ.helperArgument { exit(JQ.serve()) }
  }
}
