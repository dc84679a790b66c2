// handle.h - one owning handle type for every C library we use.
//
// A C library gives us a pointer and tells us in its manual who frees it. Handle<T, Free> writes
// that answer into the type. Rules of the house:
//   * a function returning Handle gives ownership to the caller;
//   * a raw T* parameter is borrowed for the call and never kept;
//   * release() appears only next to the C call that takes ownership.
#pragma once
#include <memory>

namespace direct {

// Free is known at compile time, so the handle is no larger than the raw pointer and cannot be
// built with the wrong deleter.
template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* p) const noexcept
    {
        if (p) static_cast<void>(Free(p));
    }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

static_assert(sizeof(std::unique_ptr<int, FreeWith<[](int*) {}>>) == sizeof(int*));

}  // namespace direct
