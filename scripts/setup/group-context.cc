// Linked into TF.js's addon beside context.cc: where this process is one of a group, its context joins it before the
// addon has looked at its devices, which get other names by that. A process that is in no group pays nothing.
//
// The group is told by the environment, which src/backend/group/ sets right before the addon is loaded:
//   FRAMELOOM_SERVER_DEF   TensorFlow's ServerDef, serialized, as hexadecimal digits
//   FRAMELOOM_GROUP_PORT   the port that its server listens at
//   FRAMELOOM_GROUP_PEERS  addresses that may speak to it, joined by commas; "any" for all that there are
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>
#include "tensorflow/c/c_api.h"
#include "tensorflow/c/eager/c_api.h"
#ifdef __linux__
#include <arpa/inet.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#endif

// Of TensorFlow's experimental functions: weak, so that a library without them still trains by itself.
#pragma weak TFE_EnableCollectiveOps
extern "C" void TFE_EnableCollectiveOps(TFE_Context *, const void *, size_t, TF_Status *);

namespace {

TFE_Context *joined = nullptr;

std::string Variable(const char *name) {
  const char *text = getenv(name);
  return text == nullptr ? "" : text;
}

std::string FromHex(const std::string &digits) {
  std::string bytes;
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
  }
  return bytes;
}

#ifdef __linux__

struct Allowed {
  std::vector<uint32_t> four;
  std::vector<in6_addr> six;
};

Allowed ParseAddresses(const std::string &list) {
  Allowed allowed;
  for (size_t at = 0; at < list.size();) {
    size_t end = list.find(',', at);
    if (end == std::string::npos) end = list.size();
    const std::string one = list.substr(at, end - at);
    in_addr four;
    in6_addr six;
    if (inet_pton(AF_INET, one.c_str(), &four) == 1) allowed.four.push_back(ntohl(four.s_addr));
    if (inet_pton(AF_INET6, one.c_str(), &six) == 1) allowed.six.push_back(six);
    at = end + 1;
  }
  return allowed;
}

sock_filter Statement(uint16_t code, uint32_t k) { return {code, 0, 0, k}; }
sock_filter Jump(uint16_t code, uint32_t k, uint8_t yes, uint8_t no) { return {code, yes, no, k}; }

constexpr uint32_t kNetwork = static_cast<uint32_t>(SKF_NET_OFF);
constexpr uint32_t kAll = 0xffffffff;

void LoadWord(std::vector<sock_filter> &code, uint32_t offset) {
  code.push_back(Statement(BPF_LD | BPF_W | BPF_ABS, kNetwork + offset));
}

// A classic BPF program over a packet's network header: from this machine's loopback and from the addresses that are
// allowed it is taken, from all others dropped before TensorFlow has seen anything of it.
std::vector<sock_filter> FilterOf(const Allowed &allowed) {
  std::vector<sock_filter> six;
  in6_addr loopback = in6addr_loopback;
  std::vector<in6_addr> sources = allowed.six;
  sources.push_back(loopback);
  for (const in6_addr &source : sources) {
    for (int word = 0; word < 4; word++) {
      uint32_t value;
      memcpy(&value, source.s6_addr + 4 * word, 4);
      LoadWord(six, 8 + 4 * word);
      // Past the words that are left, each of two instructions, and the return.
      six.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, ntohl(value), 0, static_cast<uint8_t>(2 * (3 - word) + 1)));
    }
    six.push_back(Statement(BPF_RET | BPF_K, kAll));
  }
  six.push_back(Statement(BPF_RET | BPF_K, 0));

  std::vector<sock_filter> four;
  LoadWord(four, 12);
  for (uint32_t source : allowed.four) {
    four.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, source, 0, 1));
    four.push_back(Statement(BPF_RET | BPF_K, kAll));
  }
  four.push_back(Statement(BPF_ALU | BPF_AND | BPF_K, 0xff000000));
  four.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, 0x7f000000, 0, 1));
  four.push_back(Statement(BPF_RET | BPF_K, kAll));
  four.push_back(Statement(BPF_RET | BPF_K, 0));

  std::vector<sock_filter> code;
  code.push_back(Statement(BPF_LD | BPF_B | BPF_ABS, kNetwork));
  code.push_back(Statement(BPF_ALU | BPF_RSH | BPF_K, 4));
  // A conditional jump reaches no further than 255 instructions.
  code.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 1));
  code.push_back(Statement(BPF_JMP | BPF_JA, static_cast<uint32_t>(four.size() + 2)));
  code.push_back(Jump(BPF_JMP | BPF_JEQ | BPF_K, 4, 1, 0));
  code.push_back(Statement(BPF_RET | BPF_K, 0));
  code.insert(code.end(), four.begin(), four.end());
  code.insert(code.end(), six.begin(), six.end());
  return code;
}

int LocalPort(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(socket, reinterpret_cast<sockaddr *>(&address), &length) != 0) return -1;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in *>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<sockaddr_in6 *>(&address)->sin6_port);
  return -1;
}

// Connections that a listening socket holds and nobody has accepted yet.
unsigned Unaccepted(int socket) {
  tcp_info info{};
  socklen_t length = sizeof info;
  return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? info.tcpi_unacked : 0;
}

// Puts the filter on all sockets of that port. Those that come later take it over from the one that listens; one that was
// accepted before it was there is silenced by it.
// @param unaccepted becomes the number of those that came before and have no descriptor yet
// @returns listening sockets that have it; -1 where one of them did not take it
int PutFilter(int port, std::vector<sock_filter> &code, unsigned &unaccepted) {
  sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  int guarded = 0;
  unaccepted = 0;
  const long most = sysconf(_SC_OPEN_MAX);
  for (int socket = 3; socket < (most > 0 && most < 65536 ? most : 65536); socket++) {
    if (LocalPort(socket) != port) continue;
    int listens = 0;
    socklen_t length = sizeof listens;
    getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length);
    if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
      if (listens) return -1;
      continue;
    }
    if (!listens) continue;
    guarded++;
    unaccepted += Unaccepted(socket);
  }
  return guarded;
}

constexpr int kPatienceMs = 2000;

// Puts the filter on until nothing is left that came before it was there.
int Guard(int port, const std::string &peers) {
  std::vector<sock_filter> code = FilterOf(ParseAddresses(peers));
  if (code.size() > BPF_MAXINSNS) return -1;
  unsigned unaccepted = 0;
  int guarded = PutFilter(port, code, unaccepted);
  // Once more in any case: one that had left the queue just then may have had no descriptor yet.
  for (int waited = 0; guarded > 0 && waited < kPatienceMs; waited++) {
    const bool was_last = unaccepted == 0;
    usleep(1000);
    guarded = PutFilter(port, code, unaccepted);
    if (was_last) break;
  }
  return guarded;
}

#endif

}  // namespace

extern "C" {

__attribute__((visibility("default"))) TFE_Context *frameloom_group_context(void) { return joined; }

// Once more, for what came in between the server's start and its filter.
// @returns whether the server's sockets have it, or need none
__attribute__((visibility("default"))) bool frameloom_group_guard(int port, const char *peers) {
  if (strcmp(peers, "any") == 0) return true;
#ifdef __linux__
  return Guard(port, peers) > 0;
#else
  return false;
#endif
}
}

void JoinGroup(TFE_Context *context, TF_Status *status) {
  const std::string definition = FromHex(Variable("FRAMELOOM_SERVER_DEF"));
  if (definition.empty()) return;
  if (TFE_EnableCollectiveOps == nullptr) {
    TF_SetStatus(status, TF_UNIMPLEMENTED, "this TensorFlow has no collective operations");
    return;
  }
  TFE_EnableCollectiveOps(context, definition.data(), definition.size(), status);
  if (TF_GetCode(status) != TF_OK) return;
  const std::string peers = Variable("FRAMELOOM_GROUP_PEERS");
  if (!frameloom_group_guard(atoi(Variable("FRAMELOOM_GROUP_PORT").c_str()), peers.c_str())) {
    TF_SetStatus(status, TF_FAILED_PRECONDITION, "the group's server cannot be closed to others than its peers");
    return;
  }
  joined = context;
}
