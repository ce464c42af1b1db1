#include "backends/mbedtls/identity.hpp"

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>

#include <array>
#include <chrono>

#include "backends/mbedtls/provider.hpp"

namespace esp_peer::mbedtls {
namespace {

constexpr std::int64_t day = 24 * 60 * 60;

// "YYYYMMDDhhmmss", as the library wants it.
std::array<char, 15> time_text(std::int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds at{std::chrono::seconds(unix_seconds)};
  const auto midnight = floor<days>(at);
  const year_month_day date{midnight};
  const hh_mm_ss clock{at - midnight};
  std::array<char, 15> text{};
  std::size_t size = 0;
  const auto put = [&](std::int64_t value, int digits) {
    for (int i = digits - 1; i >= 0; --i, value /= 10) {
      text[size + static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    }
    size += static_cast<std::size_t>(digits);
  };
  put(static_cast<int>(date.year()), 4);
  put(static_cast<unsigned>(date.month()), 2);
  put(static_cast<unsigned>(date.day()), 2);
  put(clock.hours().count(), 2);
  put(clock.minutes().count(), 2);
  put(clock.seconds().count(), 2);
  return text;
}

// What is being written, and given back whatever happens.
struct Draft {
  Draft() {
    mbedtls_x509write_crt_init(&certificate);
    mbedtls_mpi_init(&serial);
  }
  Draft(const Draft&) = delete;
  ~Draft() {
    mbedtls_x509write_crt_free(&certificate);
    mbedtls_mpi_free(&serial);
  }
  // [rfc5280#4.1.2.2] Positive, and from a generator: serials of two peers never meet.
  bool draw_serial() {
    unsigned char bytes[16];
    if (draw(nullptr, bytes, sizeof(bytes)) != 0) return false;
    bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7F) | 0x40);
    return mbedtls_mpi_read_binary(&serial, bytes, sizeof(bytes)) == 0 &&
           mbedtls_x509write_crt_set_serial(&certificate, &serial) == 0;
  }
  mbedtls_x509write_cert certificate;
  mbedtls_mpi serial;
};

}  // namespace

Identity::Identity() {
  mbedtls_pk_init(&key_);
  mbedtls_x509_crt_init(&certificate_);
}

Identity::~Identity() {
  mbedtls_x509_crt_free(&certificate_);
  mbedtls_pk_free(&key_);
}

bool Identity::generate_key() {
  return mbedtls_pk_setup(&key_, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0 &&
         mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key_), draw, nullptr) == 0;
}

bool Identity::generate(std::int64_t unix_seconds) {
  // The same for everybody: a certificate that proves a key need not tell whose it is.
  constexpr const char* name = "CN=WebRTC";
  constexpr std::size_t longest = 1024;
  Draft draft;
  mbedtls_x509write_cert* x = &draft.certificate;
  if (!generate_key() || !draft.draw_serial()) return false;
  mbedtls_x509write_crt_set_version(x, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(x, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(x, &key_);
  mbedtls_x509write_crt_set_issuer_key(x, &key_);
  if (mbedtls_x509write_crt_set_subject_name(x, name) != 0 ||
      mbedtls_x509write_crt_set_issuer_name(x, name) != 0 ||
      mbedtls_x509write_crt_set_validity(x, time_text(unix_seconds - day).data(),
                                         time_text(unix_seconds + 365 * day).data()) != 0) {
    return false;
  }
  unsigned char der[longest];
  const int size = mbedtls_x509write_crt_der(x, der, sizeof(der), draw, nullptr);
  if (size <= 0) return false;
  // It stands at the end of the room.
  const auto n = static_cast<std::size_t>(size);
  return mbedtls_x509_crt_parse_der(&certificate_, der + sizeof(der) - n, n) == 0 &&
         digest_certificate(certificate_, dtls::Hash::sha256, fingerprint_);
}

bool digest_certificate(const mbedtls_x509_crt& certificate, dtls::Hash hash,
                        dtls::Fingerprint& out) {
  const mbedtls_md_info_t* md =
      mbedtls_md_info_from_type(hash == dtls::Hash::sha256   ? MBEDTLS_MD_SHA256
                                : hash == dtls::Hash::sha384 ? MBEDTLS_MD_SHA384
                                                             : MBEDTLS_MD_SHA512);
  out = dtls::Fingerprint{};
  out.hash = hash;
  if (!md || mbedtls_md(md, certificate.raw.p, certificate.raw.len,
                        reinterpret_cast<unsigned char*>(out.digest.data())) != 0) {
    return false;
  }
  out.size = mbedtls_md_get_size(md);
  return true;
}

}  // namespace esp_peer::mbedtls
