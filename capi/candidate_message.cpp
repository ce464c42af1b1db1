#include "capi/candidate_message.hpp"

namespace esp_peer::capi {
namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view blank(" \t\r\n\0", 5);
  const auto begin = text.find_first_not_of(blank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

}  // namespace

std::optional<std::string_view> candidate_line(std::string_view message) {
  const auto text = trim(message);
  if (text.empty() || text.front() != '{') return text;
  // A candidate line needs no escapes in JSON, so the next quote ends it.
  constexpr std::string_view key = "\"candidate\"";
  for (auto at = text.find(key); at != text.npos; at = text.find(key, at + 1)) {
    auto rest = trim(text.substr(at + key.size()));
    if (rest.empty() || rest.front() != ':') continue;
    rest = trim(rest.substr(1));
    if (rest.empty() || rest.front() != '"') continue;
    const auto end = rest.find('"', 1);
    if (end == rest.npos) return std::nullopt;
    return rest.substr(1, end - 1);
  }
  return std::nullopt;
}

bool ends_candidates(std::string_view line) {
  return line.empty() || line == "candidate:" || line == "a=end-of-candidates" ||
         line == "end-of-candidates";
}

}  // namespace esp_peer::capi
