#include "milter/ctl/check_plugins.h"

#include "plugins/host/worker_pool.h"

namespace direct::ctl {

void check_plugins(const Settings& settings, Findings& findings)
{
    // The folder and the program of the daemon, not those that directctl may find beside itself.
    PoolOptions options;
    options.worker = settings.plugins_worker;
    options.plugins = settings.plugins_path;
    options.children = 1;
    options.memory = settings.plugins_memory;
    const auto pool = WorkerPool::start(options);
    if (!pool) {
        findings.fault(
            "no attachment is read: " + pool.error().why,
            "compare plugins.path and plugins.worker with what is installed; mail flows, its attachments "
            "wait until direct-milter is restarted with parsers");
        return;
    }
    for (const auto& line : (*pool)->plugins().refused)
        findings.warning("plugin refused: " + line,
                         "mend or remove the file in " + settings.plugins_path +
                             ", try directctl parse --list, then restart direct-milter");
}

void check_documents(std::string_view metrics, Findings& findings)
{
    constexpr std::string_view name = "\ndirect_documents_failed_total ";
    const auto at = metrics.find(name);
    if (at == metrics.npos) return;
    const auto begin = at + name.size();
    const std::string count(metrics.substr(begin, metrics.find_first_not_of("0123456789", begin) - begin));
    if (count.empty() || count == "0") return;
    findings.note(
        count + " attachments could not be read since the daemon was started; they are kept as they came",
        "log lines of the events parse and child tell which and why (journalctl -t direct-milter), directctl "
        "record show ID all documents of a message");
}

}  // namespace direct::ctl
