// gate.h - holds a place at the gate of key operations for as long as a private key works.
#pragma once
#include "milter/smime/smime.h"

namespace direct::cms {

class InGate {
public:
    explicit InGate(KeyOperationGate& gate) : gate_(gate), status_(gate.enter()) {}
    ~InGate()
    {
        if (status_) gate_.leave();
    }
    InGate(const InGate&) = delete;
    InGate& operator=(const InGate&) = delete;
    const Status& status() const { return status_; }

private:
    KeyOperationGate& gate_;
    Status status_;
};

}  // namespace direct::cms
