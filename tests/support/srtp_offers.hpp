// Offers of SRTP profiles, ours and those in hellos.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "tests/support/dtls_pair.hpp"

namespace esp_peer::test {

using crypto::SrtpProfile;

inline dtls::Options offering(std::initializer_list<SrtpProfile> profiles) {
  dtls::Options options;
  for (const SrtpProfile profile : profiles) options.srtp_profiles.push_back(profile);
  return options;
}
inline dtls::Options offering_all() {
  return offering({SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm,
                   SrtpProfile::aes128_cm_sha1_80});
}

inline bool known(const DtlsLibrary& library, SrtpProfile profile) {
  return std::ranges::find(library.srtp_profiles, profile) != library.srtp_profiles.end();
}

// The use_srtp extension of a hello that stands whole in its record, changed in place: the numbers
// of its profiles; none = no extension [rfc5764#4.1.1].
inline std::vector<MutableBytes> srtp_profiles_of(Datagram& datagram) {
  std::vector<MutableBytes> profiles;
  Reader r(datagram);
  const bool handshake = r.u8() == 22;
  r.skip(12);
  const std::uint8_t message = r.u8();
  const bool from_client = message == 1;
  if (!handshake || (message != 1 && message != 2)) return profiles;
  r.skip(11 + 2 + 32);
  r.skip(r.u8());                                  // session
  if (from_client) r.skip(r.u8());                 // cookie
  r.skip(from_client ? r.u16() : std::size_t{2});  // ciphers
  r.skip(from_client ? r.u8() : std::size_t{1});   // compression
  Reader extensions(r.bytes(r.u16()));
  while (extensions.remaining() >= 4) {
    const bool use_srtp = extensions.u16() == 14;
    Reader body(extensions.bytes(extensions.u16()));
    if (!use_srtp) continue;
    const std::size_t size = body.u16();
    const Bytes list = body.bytes(size);
    const auto at = static_cast<std::size_t>(list.data() - datagram.data());
    for (std::size_t i = 0; i + 1 < list.size(); i += 2) {
      profiles.push_back(MutableBytes(datagram).subspan(at + i, 2));
    }
    EXPECT_EQ(body.u8(), 0u) << "[rfc8827#6.5] no MKI";
  }
  return profiles;
}
inline std::vector<std::uint16_t> numbers(const std::vector<MutableBytes>& profiles) {
  std::vector<std::uint16_t> out;
  for (const MutableBytes profile : profiles) out.push_back(Reader(profile).u16());
  return out;
}

}  // namespace esp_peer::test
