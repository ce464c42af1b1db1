// Offers and answers of one connection: what an incoming description means, and the text of ours
// [rfc3264, rfc8829]. Which side offers first is the application's choice; ICE roles do not touch
// it.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/containers.hpp"
#include "base/result.hpp"
#include "crypto/provider.hpp"
#include "dtls/endpoint.hpp"
#include "ice/agent.hpp"
#include "sdp/description.hpp"

namespace esp_peer::peer {

class Negotiation {
 public:
  enum class Incoming : std::uint8_t {
    offer,
    answer,
    ignored,  // a duplicate, an older one that comes late, or an offer that lost against ours
  };
  // What a description says of our side.
  struct LocalPath {
    const ice::Credentials& credentials;
    const dtls::Fingerprint& fingerprint;
    std::span<const ice::Candidate> candidates;
    bool end_of_candidates;
  };
  static constexpr std::size_t max_description = 64 * 1024;

  Negotiation(std::uint64_t session_id, std::uint32_t max_message_size, Memory& memory,
              crypto::Provider& crypto);

  // Takes the peer's description. `remote` points into a copy that stays until the next one is
  // taken or settle() is called. Errors: bad_data, unsupported, over_limit, no_memory.
  Result<Incoming> on_description(std::string_view text, sdp::RemoteData& remote);
  // What was taken last cannot be used after all: it gets no answer, and may come again.
  void reject();
  // Writes our description anew: the answer to the offer taken last, else an offer.
  Status describe(const LocalPath& local);
  // The connection stands: the peer's text is not needed any more.
  void settle() { remote_text_ = Buffer(); }

  std::string_view text() const { return as_text(text_.bytes()).substr(0, text_size_); }
  bool described() const { return text_size_ != 0; }
  bool answer_owed() const { return answer_owed_; }
  bool answering() const { return answering_; }
  // The description taken last came from another session than the one before.
  bool from_another_session() const {
    return last_but_one_.session_id != 0 && last_.session_id != last_but_one_.session_id;
  }
  // Settled by the description that was taken last.
  dtls::Role dtls_role() const { return dtls_role_; }

 private:
  bool is_duplicate(std::string_view text);
  bool is_older(const sdp::Description& description) const;
  bool is_answer(const sdp::Description& description, const sdp::RemoteData& remote) const;
  Result<std::size_t> write(const sdp::Local& local);

  std::uint64_t session_id_, session_version_ = 0;
  std::uint32_t max_message_size_;
  Memory& memory_;
  crypto::Provider& crypto_;
  Buffer text_;         // grown up to max_description
  Buffer remote_text_;  // at most max_description
  std::size_t text_size_ = 0;
  crypto::Sha256Digest last_digest_{};
  struct Taken {
    std::uint64_t session_id = 0, session_version = 0;
    bool answer = false;
  } last_, last_but_one_;  // descriptions of the peer
  sdp::Setup our_setup_ = sdp::Setup::actpass;
  dtls::Role dtls_role_ = dtls::Role::client;
  bool answer_owed_ = false, answering_ = false, offer_outstanding_ = false;
};

}  // namespace esp_peer::peer
