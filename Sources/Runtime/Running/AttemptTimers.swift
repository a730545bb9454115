import Graph

/// Bounds one attempt in time (RELIABILITY R10): `timeout` from start to end, `idle` between signs of life.
struct AttemptTimers: Sendable {
  enum Outcome: Sendable {
    case finished(NodeResult)
    case failed(NodeFailure)
    case timedOut(String)
    /// The store could not go on.
    case broken(StoreError)
    /// The whole run is stopping.
    case cancelled
  }

  let timeout: Duration?
  let idle: Duration?
  let output: TaskOutput

  /// Stores what is printed meanwhile.
  var keeper: OutputKeeper?

  /// The attempt ends at once and is not watched.
  var isInstant = false

  private enum Signal: Sendable {
    case outcome(Outcome)
    case expired(String)
    /// What is printed could not be stored.
    case unkept(StoreError)
    case timerEnded
  }

  func run(_ body: @escaping @Sendable () async throws -> NodeResult) async -> Outcome {
    if isInstant { return settle(await outcome(of: body), nil) }
    return await withTaskGroup(of: Signal.self) { group in
      group.addTask { .outcome(await outcome(of: body)) }
      if let timeout {
        group.addTask { await expire(after: timeout, "no end after \(timeout.readable) (timeout)") }
      }
      if let idle { group.addTask { await expireWhenIdle(idle) } }
      if let keeper { group.addTask { await keep(keeper) } }
      var expiry: String?
      var isFenced = false
      for await signal in group {
        switch signal {
        case .timerEnded: continue
        case .expired(let message):
          expiry = expiry ?? message
          output.expire(message)
          group.cancelAll()
        case .unkept(let error):
          // Any other failure the ledger tells who stores next; what runs may end by itself.
          guard error == .fenced else { continue }
          isFenced = true
          group.cancelAll()
        case .outcome(let outcome):
          group.cancelAll()
          return isFenced ? .broken(.fenced) : settle(outcome, expiry)
        }
      }
      preconditionFailure("the attempt always gives an outcome")
    }
  }

  private func settle(_ outcome: Outcome, _ expiry: String?) -> Outcome {
    switch outcome {
    case .finished, .broken: return outcome
    default: break
    }
    guard let expiry else { return Task.isCancelled ? .cancelled : outcome }
    guard case .failed(let failure) = outcome else { return .timedOut(expiry) }
    if failure.precedesEffect {
      return .failed(NodeFailure(.timeout, "\(expiry): \(failure.message)", precedesEffect: true))
    }
    // A node that says what it waited for; other failures may come of having been cut off.
    return .timedOut(failure.kind == .timeout ? "\(expiry): \(failure.message)" : expiry)
  }

  private func outcome(of body: @Sendable () async throws -> NodeResult) async -> Outcome {
    do {
      return .finished(try await body())
    } catch let failure as NodeFailure {
      return .failed(failure)
    } catch is CancellationError {
      return .cancelled
    } catch let error as StoreError {
      return .broken(error)
    } catch {
      return .failed(NodeFailure(.spawn, "\(error)"))
    }
  }

  private func keep(_ keeper: OutputKeeper) async -> Signal {
    do throws(StoreError) {
      try await keeper.run()
      return .timerEnded
    } catch {
      return .unkept(error)
    }
  }

  private func expire(after duration: Duration, _ message: String) async -> Signal {
    do {
      try await Task.sleep(for: duration)
      return .expired(message)
    } catch {
      return .timerEnded
    }
  }

  private func expireWhenIdle(_ limit: Duration) async -> Signal {
    while true {
      let silence = output.silence
      if silence >= limit { return .expired("no output for \(limit.readable) (idle)") }
      do {
        try await Task.sleep(for: limit - silence)
      } catch {
        return .timerEnded
      }
    }
  }
}

extension Duration {
  /// As the file format spells durations: `500ms`, `2s`, `10m`, `1h`.
  package var readable: String {
    let milliseconds = Int((seconds * 1000).rounded())
    if milliseconds % 1000 != 0 { return "\(milliseconds)ms" }
    let whole = milliseconds / 1000
    if whole % 3600 == 0, whole > 0 { return "\(whole / 3600)h" }
    if whole % 60 == 0, whole > 0 { return "\(whole / 60)m" }
    return "\(whole)s"
  }
}
