// What every DTLS backend keeps to, whatever library it stands on. A backend's tests include this
// file and instantiate DtlsBackend with a DtlsLibrary.
#pragma once
#include "tests/conformance/dtls_authentic_records.hpp"
#include "tests/conformance/dtls_cost.hpp"
#include "tests/conformance/dtls_end.hpp"
#include "tests/conformance/dtls_fingerprints.hpp"
#include "tests/conformance/dtls_flights.hpp"
#include "tests/conformance/dtls_foreign_peers.hpp"
#include "tests/conformance/dtls_handshake.hpp"
#include "tests/conformance/dtls_loss.hpp"
#include "tests/conformance/dtls_memory.hpp"
#include "tests/conformance/dtls_records.hpp"
#include "tests/conformance/dtls_srtp.hpp"
#include "tests/conformance/dtls_strangers.hpp"
