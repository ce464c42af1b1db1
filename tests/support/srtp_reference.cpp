#include "tests/support/srtp_reference.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "rtp/packet.hpp"

namespace esp_peer::test {
namespace {

const unsigned char* raw(Bytes bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(SrtpBytes& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
int length(std::size_t size) { return static_cast<int>(size); }

SrtpBytes joined(std::initializer_list<Bytes> parts) {
  SrtpBytes out;
  for (const Bytes part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}
SrtpBytes word(std::uint32_t value) {
  SrtpBytes out(4);
  Writer(out).u32(value);
  return out;
}
SrtpBytes hmac_sha1_80(Bytes key, Bytes message) {
  SrtpBytes tag(20);
  unsigned size = 0;
  HMAC(EVP_sha1(), key.data(), length(key.size()), raw(message), message.size(), raw(tag), &size);
  tag.resize(10);
  return tag;
}

// [rfc3711#4.1.1] salt · 2^16 ^ SSRC · 2^64 ^ index · 2^16
std::array<std::byte, 16> cm_counter(Bytes salt, std::uint32_t ssrc, std::uint64_t index) {
  std::array<std::byte, 16> iv{};
  Writer w(iv);
  w.u32(0);
  w.u32(ssrc);
  w.u64(index << 16);
  for (std::size_t i = 0; i < salt.size(); ++i) iv[i] ^= salt[i];
  return iv;
}
// [rfc7714#8.1, 9.1]
SrtpBytes gcm_iv(Bytes salt, std::uint32_t ssrc, std::uint64_t index) {
  SrtpBytes iv(12);
  Writer w(iv);
  w.u16(0);
  w.u32(ssrc);
  w.u16(static_cast<std::uint16_t>(index >> 32));
  w.u32(static_cast<std::uint32_t>(index));
  for (std::size_t i = 0; i < iv.size(); ++i) iv[i] ^= salt[i];
  return iv;
}
SrtpBytes xored(Bytes text, Bytes keystream) {
  SrtpBytes out(text.begin(), text.end());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] ^= keystream[i];
  return out;
}

}  // namespace

SrtpBytes aes_keystream(Bytes key, const std::array<std::byte, 16>& counter, std::size_t size) {
  SrtpBytes zeros(size), out(size + 16);
  EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(ctx, key.size() == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr(), nullptr,
                     raw(key), raw(counter));
  int n = 0;
  EVP_EncryptUpdate(ctx, raw(out), &n, raw(Bytes(zeros)), length(size));
  EVP_CIPHER_CTX_free(ctx);
  out.resize(size);
  return out;
}

SrtpBytes derive_srtp_key(Bytes master_key, Bytes master_salt, std::uint8_t label,
                          std::size_t size) {
  std::array<std::byte, 16> x{};
  copy_bytes(master_salt, x);
  x[7] ^= std::byte{label};
  return aes_keystream(master_key, x, size);
}

SrtpBytes aes_gcm(Bytes key, Bytes iv, Bytes associated, Bytes plaintext) {
  SrtpBytes out(plaintext.size() + 16);
  EVP_CIPHER_CTX* ctx = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(ctx, key.size() == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm(), nullptr,
                     raw(key), raw(iv));
  int n = 0;
  EVP_EncryptUpdate(ctx, nullptr, &n, raw(associated), length(associated.size()));
  if (!plaintext.empty()) {
    EVP_EncryptUpdate(ctx, raw(out), &n, raw(plaintext), length(plaintext.size()));
  }
  EVP_EncryptFinal_ex(ctx, nullptr, &n);
  EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, 16, raw(out) + plaintext.size());
  EVP_CIPHER_CTX_free(ctx);
  return out;
}

SrtpReference::SrtpReference(crypto::SrtpProfile profile, Bytes master_key, Bytes master_salt)
    : profile_(profile) {
  const std::size_t key = crypto::key_size(profile), salt = crypto::salt_size(profile);
  std::uint8_t label = 0;
  for (Keys* keys : {&rtp_, &rtcp_}) {
    keys->cipher = derive_srtp_key(master_key, master_salt, label++, key);
    keys->authentication = derive_srtp_key(master_key, master_salt, label++, 20);
    keys->salt = derive_srtp_key(master_key, master_salt, label++, salt);
  }
}

SrtpReference SrtpReference::of_session_keys(crypto::SrtpProfile profile, Bytes key, Bytes salt) {
  SrtpReference reference(profile);
  reference.rtp_ = reference.rtcp_ = {{key.begin(), key.end()}, {salt.begin(), salt.end()}, {}};
  return reference;
}

SrtpBytes SrtpReference::seal_rtp(Bytes packet, std::uint32_t rollovers) const {
  const auto front = rtp::parse_cleartext(packet);
  if (!front) return {};
  const auto ssrc = static_cast<std::uint32_t>(front->header.ssrc);
  const std::uint64_t index = std::uint64_t{rollovers} << 16 | front->header.sequence;
  const Bytes header = packet.first(packet.size() - front->payload.size());
  if (gcm()) {
    const SrtpBytes iv = gcm_iv(rtp_.salt, ssrc, index);
    return joined({header, aes_gcm(rtp_.cipher, iv, header, front->payload)});
  }
  const SrtpBytes stream =
      aes_keystream(rtp_.cipher, cm_counter(rtp_.salt, ssrc, index), front->payload.size());
  const SrtpBytes sealed = joined({header, xored(front->payload, stream)});
  const SrtpBytes authenticated = joined({sealed, word(rollovers)});
  return joined({sealed, hmac_sha1_80(rtp_.authentication, authenticated)});
}

SrtpBytes SrtpReference::seal_rtcp(Bytes packet, std::uint32_t index, bool encrypted) const {
  Reader in(packet);
  in.skip(4);
  const std::uint32_t ssrc = in.u32();
  if (!in.ok()) return {};
  const Bytes header = packet.first(8), rest = in.rest();
  const SrtpBytes trailer = word(index | (encrypted ? 0x8000'0000u : 0));
  if (gcm()) {
    const SrtpBytes iv = gcm_iv(rtcp_.salt, ssrc, index);
    if (!encrypted) {
      return joined({packet, aes_gcm(rtcp_.cipher, iv, joined({packet, trailer}), {}), trailer});
    }
    return joined({header, aes_gcm(rtcp_.cipher, iv, joined({header, trailer}), rest), trailer});
  }
  const SrtpBytes stream =
      aes_keystream(rtcp_.cipher, cm_counter(rtcp_.salt, ssrc, index), rest.size());
  const SrtpBytes body = encrypted ? xored(rest, stream) : SrtpBytes(rest.begin(), rest.end());
  const SrtpBytes sealed = joined({header, body, trailer});
  return joined({sealed, hmac_sha1_80(rtcp_.authentication, sealed)});
}

}  // namespace esp_peer::test
