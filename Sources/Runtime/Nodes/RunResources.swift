import Synchronization

/// Something that the tasks of a run share, for instance the sessions with its servers.
public protocol RunResource: AnyObject, Sendable {
  /// Lets go of everything: called once, when the run has ended and no task uses it any more.
  func close() async
}

/// A run's shared resources, one of each type.
package final class RunResources: Sendable {
  private let all = Mutex<[ObjectIdentifier: any RunResource]>([:])

  package init() {}

  func get<Resource: RunResource>(_ type: Resource.Type, _ make: () -> Resource) -> Resource {
    all.withLock { all in
      if let known = all[ObjectIdentifier(type)] as? Resource { return known }
      let resource = make()
      all[ObjectIdentifier(type)] = resource
      return resource
    }
  }

  package func close() async {
    let resources = all.withLock { all in
      defer { all = [:] }
      return Array(all.values)
    }
    await withTaskGroup { group in
      for resource in resources { group.addTask { await resource.close() } }
    }
  }
}
