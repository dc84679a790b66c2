// gobj.h - GMime objects are reference counted GObjects; a GRef is one count.
// Included in milter/mime only.
#pragma once
#include <gmime/gmime.h>

#include <utility>

namespace direct {

template <class T>
class GRef {
public:
    GRef() = default;
    /// The C call was documented "transfer full": we take its count.
    static GRef adopt(T* p)
    {
        GRef r;
        r.p_ = p;
        return r;
    }
    /// "transfer none": we add our own count.
    static GRef share(T* p)
    {
        if (p) g_object_ref(p);
        return adopt(p);
    }
    GRef(const GRef& o) : GRef(share(o.p_)) {}
    GRef(GRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    GRef& operator=(GRef o) noexcept
    {
        std::swap(p_, o.p_);
        return *this;
    }
    ~GRef()
    {
        if (p_) g_object_unref(p_);
    }
    T* get() const { return p_; }
    explicit operator bool() const { return p_ != nullptr; }

private:
    T* p_ = nullptr;
};

}  // namespace direct
