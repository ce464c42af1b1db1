#include "capi/candidate_message.hpp"

namespace esp_peer::capi {
namespace {

constexpr std::string_view blank(" \t\r\n\0", 5);

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(blank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

bool take(std::string_view& text, char c) {
  const auto begin = text.find_first_not_of(blank);
  if (begin == text.npos || text[begin] != c) return false;
  text.remove_prefix(begin + 1);
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hex digits of an ASCII character; nothing else stands in a candidate.
std::optional<char> take_unicode(std::string_view& text) {
  if (text.size() < 4) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, 4)) {
    if (hex_digit(c) < 0) return std::nullopt;
    value = value * 16 + hex_digit(c);
  }
  text.remove_prefix(4);
  return value > 0 && value < 0x80 ? std::optional(static_cast<char>(value)) : std::nullopt;
}

std::optional<char> take_escaped(std::string_view& text) {
  if (text.empty()) return std::nullopt;
  const char c = text.front();
  text.remove_prefix(1);
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'r':
    case 'n':
    case 't':
      return ' ';
    case 'u':
      return take_unicode(text);
    default:
      return std::nullopt;
  }
}

// A JSON string whose first quote has been taken; `text` goes on behind its last one.
bool take_string(std::string_view& text, CandidateLine& out) {
  char chars[1024];
  std::size_t size = 0;
  while (!text.empty() && size < sizeof(chars)) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"') return out.assign({chars, size});
    if (c != '\\') {
      chars[size++] = c;
    } else if (const auto escaped = take_escaped(text)) {
      chars[size++] = *escaped;
    } else {
      return false;
    }
  }
  return false;
}

// Skips a JSON string whose first quote has been taken; false when it has no end.
bool skip_string(std::string_view& text, std::string_view& inside) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      inside = text.substr(0, i);
      text.remove_prefix(i + 1);
      return true;
    }
  }
  return false;
}

}  // namespace

// Looks at the strings of the object one after the other: the first member of this name whose value
// is a string, at any depth, as {"candidate": {"candidate": "candidate:…"}} occurs too.
std::optional<std::string_view> candidate_line(std::string_view message, CandidateLine& room) {
  const auto text = trim(message);
  if (text.empty() || text.front() != '{') return text;
  for (auto rest = text; !rest.empty();) {
    const auto quote = rest.find('"');
    if (quote == rest.npos) break;
    rest.remove_prefix(quote + 1);
    std::string_view name;
    if (!skip_string(rest, name)) break;
    auto value = rest;
    if (name != "candidate" || !take(value, ':') || !take(value, '"')) continue;
    if (!take_string(value, room)) break;
    return trim(room.view());
  }
  return std::nullopt;
}

bool ends_candidates(std::string_view line) {
  return line.empty() || line == "candidate:" || line == "a=candidate:" ||
         line == "a=end-of-candidates" || line == "end-of-candidates";
}

bool is_mdns_candidate(std::string_view line) {
  // foundation component transport priority address …
  for (int field = 0; field < 4; ++field) {
    const auto space = line.find(' ');
    if (space == line.npos) return false;
    line.remove_prefix(std::min(line.find_first_not_of(' ', space), line.size()));
  }
  return line.substr(0, line.find(' ')).ends_with(".local");
}

}  // namespace esp_peer::capi
