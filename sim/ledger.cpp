#include "sim/ledger.hpp"

#include "sim/random.hpp"

namespace esp_peer::sim {
namespace {

constexpr std::uint32_t magic = 0x4C454447;

struct Name {
  Line line;
  std::size_t number = 0;
};

std::optional<Name> read_name(Bytes body) {
  Reader in(body);
  if (in.u32() != magic) return std::nullopt;
  Name name;
  name.line.sender = in.u8();
  in.skip(1);
  name.line.stream = in.u16();
  name.line.attempt = static_cast<int>(in.u32());
  name.number = in.u32();
  in.skip(8);
  return in.ok() ? std::optional(name) : std::nullopt;
}

std::string text_of(const Line& line, std::size_t number) {
  return "message " + std::to_string(number) + " of peer " + std::to_string(line.sender) +
         ", attempt " + std::to_string(line.attempt) + ", stream " + std::to_string(line.stream);
}

}  // namespace

std::vector<std::byte> Ledger::compose(const Line& line, std::size_t size,
                                       datachannel::Kind kind) const {
  const auto account = accounts_.find(line);
  return content(line, account == accounts_.end() ? 0 : account->second.sent.size(), {size, kind});
}

void Ledger::accepted(const Line& line, Promise promise, std::size_t size, datachannel::Kind kind) {
  Account& account = accounts_[line];
  account.promise = promise;
  account.sent.push_back({size, kind});
}

std::optional<std::string> Ledger::received(int sender, const datachannel::Message& message) {
  const Bytes body = message.body.bytes();
  const auto stream = static_cast<std::uint16_t>(message.stream);
  auto name = read_name(body);
  if (name && (name->line.sender != sender || name->line.stream != stream)) {
    return text_of(name->line, name->number) + " came from the wrong one";
  }
  if (name) {
    heard_attempt_[{sender, stream}] = name->line.attempt;
  } else {
    name = Name{{sender, heard_attempt_[{sender, stream}], stream}, 0};
    name->number = accounts_[name->line].next;
  }
  Account& account = accounts_[name->line];
  const std::string what = text_of(name->line, name->number);
  if (name->number >= account.sent.size()) return what + " was never sent";
  const auto [ordered, reliable] = account.promise;
  if (ordered && (reliable ? name->number != account.next : name->number < account.next)) {
    return what + " came, and " + std::to_string(account.next) + " was next";
  }
  if (!ordered && !account.received.insert(name->number).second) return what + " came twice";
  account.next = name->number + 1;
  ++account.arrived;
  const Sent& sent = account.sent[name->number];
  if (message.kind != sent.kind) return what + " changed its kind";
  if (!equal(body, content(name->line, name->number, sent))) return what + " was changed";
  ++messages_;
  bytes_ += body.size();
  return std::nullopt;
}

void Ledger::forgive(int attempt, int sender) {
  for (auto& [line, account] : accounts_) {
    if (line.attempt == attempt && line.sender == sender) account.forgiven = true;
  }
}

void Ledger::forgive_stream(const Line& line) { accounts_[line].forgiven = true; }

bool Ledger::all_delivered() const {
  for (const auto& [line, account] : accounts_) {
    if (account.owes()) return false;
  }
  return true;
}

std::string Ledger::missing() const {
  std::string text;
  for (const auto& [line, account] : accounts_) {
    if (!account.owes()) continue;
    text += text_of(line, account.arrived) + " of " + std::to_string(account.sent.size()) + "; ";
  }
  return text;
}

std::uint64_t Ledger::messages_lost() const {
  std::uint64_t lost = 0;
  for (const auto& [line, account] : accounts_) {
    if (!account.promise.reliable && !account.forgiven)
      lost += account.sent.size() - account.arrived;
  }
  return lost;
}

std::vector<std::byte> Ledger::content(const Line& line, std::size_t number, const Sent& sent) {
  std::vector<std::byte> body(sent.size);
  Rng filler(number * 0x10001 + line.stream, std::to_string(line.attempt * 2 + line.sender));
  // A word at a time: most of a run's bytes are these.
  for (std::size_t i = 0; i < body.size(); i += 8) {
    const std::uint64_t word = filler.next();
    std::memcpy(body.data() + i, &word, std::min<std::size_t>(8, body.size() - i));
  }
  if (sent.size < name_size) {
    // Must not look like one with a name.
    return body;
  }
  Writer out(body);
  out.u32(magic);
  out.u8(static_cast<std::uint8_t>(line.sender));
  out.u8(static_cast<std::uint8_t>(sent.kind));
  out.u16(line.stream);
  out.u32(static_cast<std::uint32_t>(line.attempt));
  out.u32(static_cast<std::uint32_t>(number));
  out.u64(sent.size);
  return body;
}

}  // namespace esp_peer::sim
