// What every SRTP backend keeps to, whatever library it stands on. A backend's tests include this
// file and instantiate SrtpBackend with an SrtpLibrary and srtp_profiles.
#pragma once
#include "tests/conformance/srtp_cost.hpp"
#include "tests/conformance/srtp_hostile.hpp"
#include "tests/conformance/srtp_repeats.hpp"
#include "tests/conformance/srtp_rollover.hpp"
#include "tests/conformance/srtp_wire.hpp"
