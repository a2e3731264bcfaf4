// SPDX-License-Identifier: MIT
// Stands in front of `os::table`.
#include "core/os/table.hpp"

#include <type_traits>

#include "core/os/error.hpp"
#include "core/os/faults/plan.hpp"
#include "core/os/faults/wrap.hpp"

namespace zio::fault {

namespace {

using os::Buffer;
using os::Handle;
using os::Table;

Table before;

std::int32_t number(int code) {
    return os::error_from_code(code);
}

std::int32_t connect(Handle handle, const os::Address& to) {
    const Site site = to.family == os::family_unix ? Site::connect_unix : Site::connect;
    if (const int code = error_at(site)) return number(code);
    return before.connect(handle, to);
}

// One piece, or the first that is not empty of several, cut to what the verdict leaves.
template <auto entry, Site site>
std::int64_t move(
    Handle handle,
    std::conditional_t<site == Site::receive || site == Site::read, void*, const void*> data,
    std::size_t size, auto... flags) {
    const Verdict verdict = judge(site);
    if (verdict.code != 0) return number(verdict.code);
    if (size <= verdict.limit) return (before.*entry)(handle, data, size, flags...);
    const std::int64_t moved = (before.*entry)(handle, data, verdict.limit, flags...);
    report_again(handle);
    return moved;
}
template <auto entry, Site site>
std::int64_t move_pieces(Handle handle, const Buffer* pieces, std::size_t count, auto... flags) {
    const Verdict verdict = judge(site);
    if (verdict.code != 0) return number(verdict.code);
    if (verdict.limit == SIZE_MAX) return (before.*entry)(handle, pieces, count, flags...);
    while (count > 1 && pieces->size == 0) ++pieces, --count;
    const Buffer first{pieces->base, pieces->size < verdict.limit ? pieces->size : verdict.limit};
    const std::int64_t moved = (before.*entry)(handle, &first, 1, flags...);
    report_again(handle);
    return moved;
}

template <auto entry, Site site>
void wrap_plainly() {
    wrap<before, entry, site, number>(os::table);
}

void wrap_transfers() {
    Table& table = os::table;
    table.receive = [](Handle handle, void* data, std::size_t size, std::uint32_t flags) {
        return move<&Table::receive, Site::receive>(handle, data, size, flags);
    };
    table.send = [](Handle handle, const void* data, std::size_t size, std::uint32_t flags) {
        return move<&Table::send, Site::send>(handle, data, size, flags);
    };
    table.read = [](Handle handle, void* data, std::size_t size) {
        return move<&Table::read, Site::read>(handle, data, size);
    };
    table.write = [](Handle handle, const void* data, std::size_t size) {
        return move<&Table::write, Site::write>(handle, data, size);
    };
    table.receive_vector = [](Handle handle, const Buffer* pieces, std::size_t count,
                              std::uint32_t flags) {
        return move_pieces<&Table::receive_vector, Site::receive_vector>(handle, pieces, count,
                                                                         flags);
    };
    table.send_vector = [](Handle handle, const Buffer* pieces, std::size_t count,
                           std::uint32_t flags) {
        return move_pieces<&Table::send_vector, Site::send_vector>(handle, pieces, count, flags);
    };
    table.read_vector = [](Handle handle, const Buffer* pieces, std::size_t count) {
        return move_pieces<&Table::read_vector, Site::read_vector>(handle, pieces, count);
    };
    table.write_vector = [](Handle handle, const Buffer* pieces, std::size_t count) {
        return move_pieces<&Table::write_vector, Site::write_vector>(handle, pieces, count);
    };
}

}  // namespace

void wrap_table() {
    before = os::table;
    wrap_plainly<&Table::open_socket, Site::open_socket>();
    wrap_plainly<&Table::open_pair, Site::open_pair>();
    wrap_plainly<&Table::bind, Site::bind>();
    wrap_plainly<&Table::listen, Site::listen>();
    os::table.connect = connect;
    wrap_plainly<&Table::accept, Site::accept>();
    wrap_plainly<&Table::local_address, Site::local_address>();
    wrap_plainly<&Table::peer_address, Site::peer_address>();
    wrap_plainly<&Table::set_option, Site::set_option>();
    wrap_plainly<&Table::get_option, Site::get_option>();
    wrap_plainly<&Table::shutdown, Site::shutdown>();
    wrap_plainly<&Table::kind_of, Site::kind_of>();
    wrap_plainly<&Table::make_nonblocking, Site::make_nonblocking>();
    wrap_transfers();
    wrap_plainly<&Table::wait_ready, Site::wait_ready>();
    wrap_plainly<&Table::open_wakeup, Site::open_wakeup>();
    wrap_plainly<&Table::remove_path, Site::remove_path>();
}

}  // namespace zio::fault
