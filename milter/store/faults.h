// faults.h - where a test makes the disk fail. Included by the store and by its tests, by nobody else.
//
// Every step that can fail for want of space or by I/O asks injected_fault() first. Without a hook that
// is one atomic load. The hook may be called from any thread.
#pragma once
#include <functional>

namespace direct::store_faults {

enum class Step {
    put,     ///< a value written into a transaction
    commit,  ///< the synced commit of a batch
    write,   ///< bytes of a content file
    sync,    ///< fsync of a content file or of its folder
    rename,  ///< a content file getting its name
};

/// Returns 0 to go on, else the errno the step fails with. An empty function takes the hook away; no
/// request may be under way then.
void set_hook(std::function<int(Step)> hook);

/// For the store: 0, or the errno to fail with.
int injected_fault(Step step);

}  // namespace direct::store_faults
