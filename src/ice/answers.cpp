#include "ice/answers.hpp"

#include "stun/builder.hpp"

namespace esp_peer::ice {
namespace {

// A header, an ERROR-CODE without a reason phrase, a FINGERPRINT.
constexpr std::size_t refusal_size = stun::header_size + 8 + stun::fingerprint_size;

}  // namespace

void Answers::answer(const Route& route, const stun::Message& request, StunError error) {
  Answer a;
  a.to = route;
  a.id = request.id;
  a.error = error;
  if (error == StunError::unknown_attribute) a.unknown = request.unknown_required;
  push(a);
}

void Answers::refuse(const Route& route, const stun::Message& request, StunError error,
                     std::size_t request_size) {
  if (request_size < refusal_size || waiting_.size() >= max_before_refusals) return;
  Answer a;
  a.to = route;
  a.id = request.id;
  a.error = error;
  a.is_signed = false;
  push(a);
}

std::size_t Answers::write(crypto::Provider& crypto, Bytes password, MutableBytes out, Route& to) {
  if (waiting_.empty()) return 0;
  const Answer& a = waiting_.front();
  const bool success = a.error == StunError::none;
  stun::Builder message(out, success ? stun::Class::success : stun::Class::error, stun::binding,
                        a.id);
  if (success) {
    message.xor_mapped_address(a.to.remote);
  } else {
    message.error(static_cast<std::uint16_t>(a.error), {});
  }
  if (!a.unknown.empty()) message.unknown_attributes({a.unknown.begin(), a.unknown.size()});
  if (a.is_signed) message.integrity(crypto, password);
  const std::size_t n = message.finish();
  to = a.to;
  if (n != 0) waiting_.pop_front();
  return n;
}

void Answers::hash_state(StateHash& hash) const {
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    if (!waiting_[i].is_signed) continue;
    hash.add(waiting_[i].to.remote);
    hash.add(waiting_[i].id);
    hash.add(waiting_[i].error);
  }
}

void Answers::push(const Answer& answer) {
  if (waiting_.size() < max) static_cast<void>(waiting_.push_back(answer));
}

}  // namespace esp_peer::ice
