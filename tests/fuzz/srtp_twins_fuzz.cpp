// Our SRTP transform beside libsrtp: whatever is sealed, lost, bent and sent again, both do the
// same.
#include "backends/libsrtp/backend.hpp"
#include "backends/openssl_srtp/backend.hpp"
#include "tests/fuzz/fuzz_parts.hpp"
#include "tests/support/srtp_twins.hpp"

// The profile, then steps.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace esp_peer;
  constexpr crypto::SrtpProfile profiles[] = {crypto::SrtpProfile::aes128_cm_sha1_80,
                                              crypto::SrtpProfile::aead_aes_128_gcm,
                                              crypto::SrtpProfile::aead_aes_256_gcm};
  Reader in(std::as_bytes(std::span(data, size)));
  test::SrtpTwins twins(profiles[in.u8() % 3], libsrtp::backend(), openssl_srtp::backend());
  fuzz::require(twins.agrees());
  for (int i = 0; i < 500 && twins.step(in); ++i) fuzz::require(twins.agrees());
  return 0;
}
