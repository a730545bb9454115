import Foundation
import Graph
import GraphNodes
import GraphRuntime

/// How the program ends (DESIGN section 5). Thrown, it ends the program with nothing more said.
enum ExitStatus: Error, Hashable {
  case done, failed, usage, waiting, busy, storeUnusable
  case signal(Int32)

  var rawValue: Int32 {
    switch self {
    case .done: 0
    case .failed: 1
    case .usage: 2
    case .waiting: 3
    case .busy: 4
    case .storeUnusable: 5
    case .signal(let signal): 128 + signal
    }
  }

  init(of end: RunEnd) {
    switch end.status {
    case .done: self = .done
    case .failed: self = .failed
    case .waiting: self = .waiting
    case .stopped, .running: self = end.signal.map(ExitStatus.signal) ?? .done
    }
  }

  /// `nil` for an error that is not ours.
  init?(of error: any Error) {
    switch error {
    case let error as StoreError:
      self =
        switch error {
        case .busy, .fenced: .busy
        case .unusable, .damaged, .refused: .storeUnusable
        }
    case is RunRefusal, is GraphFileError, is UsageError, is ArchiveError, is RecordingError: self = .usage
    case let error as CommandFailure: self = error.status
    case let error as ServerTrouble: self = error.isUsage ? .usage : .failed
    case is ServerFileError: self = .usage
    default: return nil
    }
  }
}

/// What was asked cannot be done as asked.
struct UsageError: Error, CustomStringConvertible {
  var description: String

  init(_ description: String) { self.description = description }
}

/// Something outside went wrong.
struct CommandFailure: Error, CustomStringConvertible {
  var status: ExitStatus
  var description: String

  init(_ description: String, status: ExitStatus = .failed) {
    self.status = status
    self.description = description
  }
}
