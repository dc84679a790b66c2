// What a Postfix must have been told, rule by rule.
#include "milter/ctl/postfix.h"

#include <boost/test/unit_test.hpp>

using namespace direct;
using namespace direct::ctl;

namespace {

struct Site {
    Settings settings = default_settings();
    PostfixView postfix;
    Site()
    {
        DomainSettings domain;
        domain.name = "direct.example.org";
        settings.domains.push_back(domain);
        settings.milter_socket = "unix:/var/spool/postfix/direct/milter.sock";
        settings.reinject_report_domain = "report.example.org";
        const std::string ours = "unix:direct/milter.sock";
        postfix.main = {{"smtpd_milters", ours},
                        {"non_smtpd_milters", ours},
                        {"milter_default_action", "tempfail"},
                        {"message_size_limit", "60000000"},
                        {"transport_maps", "hash:/etc/postfix/transport"}};
        postfix.services = {
            {"smtp", "inet", "smtpd", {{"milter_macro_daemon_name", "mx"}}},
            {"submission", "inet", "smtpd", {{"milter_macro_daemon_name", "ORIGINATING"}}},
            {"127.0.0.1:10026", "inet", "smtpd", {{"smtpd_milters", ""}}},
            {"127.0.0.1:10027", "inet", "smtpd", {{"milter_macro_daemon_name", "direct-report"}}},
            {"pickup", "unix", "pickup", {}},
            {"bounce",
             "unix",
             "bounce",
             {{"notify_classes", "bounce"},
              {"bounce_notice_recipient", "direct-dsn+bounced@report.example.org"}}}};
        postfix.lookup = [](const std::string& key, const std::string&) {
            return key == "report.example.org" ? std::string("smtp:[127.0.0.1]:10027") : std::string();
        };
        postfix.list = [](const std::string&) { return std::vector<std::pair<std::string, std::string>>{}; };
    }
    /// All findings as one text; every one must have a remedy.
    std::string findings() const
    {
        Findings found;
        check_postfix(postfix, settings, found);
        std::string text;
        for (const auto& f : found.all()) {
            BOOST_TEST(!f.remedy.empty());
            text += (f.severity == Severity::fault     ? "FAULT "
                     : f.severity == Severity::warning ? "WARNING "
                                                       : "NOTE ") +
                    f.what + "\n";
        }
        return text;
    }
    bool complains(const char* part) const { return findings().find(part) != std::string::npos; }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_site_set_up_as_the_manual_says_has_no_findings)
{
    BOOST_TEST(Site().findings() == "");
}

BOOST_AUTO_TEST_CASE(failing_open_is_a_fault)
{
    Site s;
    s.postfix.main["milter_default_action"] = "accept";
    BOOST_TEST(s.complains("FAULT Postfix service smtp: milter_default_action is \"accept\""));
    s.postfix.main["smtpd_milters"] =
        "inet:127.0.0.1:8891 { unix:direct/milter.sock, default_action=tempfail, protocol=6 }";
    BOOST_TEST(!s.complains("milter_default_action"));
    s.postfix.main["milter_default_action"] = "tempfail";
    s.postfix.main["smtpd_milters"] = "{ unix:direct/milter.sock, default_action = accept }";
    BOOST_TEST(s.complains("milter_default_action is \"accept\""));
}

BOOST_AUTO_TEST_CASE(copies_of_bounces_come_to_us_and_nowhere_else)
{
    Site s;
    auto& bounce = s.postfix.services.back();
    bounce.options["bounce_notice_recipient"] = "postmaster";
    BOOST_TEST(s.complains("WARNING Postfix service bounce: bounce_notice_recipient is \"postmaster\""));
    bounce.options.clear();
    BOOST_TEST(s.complains("NOTE copies of Postfix's bounces do not come to us"));
    BOOST_TEST(!s.complains("WARNING"));
    // The service for mail whose time is up must not lead elsewhere either.
    Site other;
    other.postfix.services.push_back({"defer", "unix", "bounce", {{"notify_classes", "bounce"}}});
    BOOST_TEST(other.complains("WARNING Postfix service defer"));
}

BOOST_AUTO_TEST_CASE(not_being_called_is_a_fault)
{
    Site s;
    s.postfix.main["smtpd_milters"] = "inet:127.0.0.1:8891";
    BOOST_TEST(s.complains("FAULT no smtpd service"));
    s.postfix.services[0].options["smtpd_milters"] =
        "inet:127.0.0.1:8891, unix:/var/spool/postfix/direct/milter.sock";
    BOOST_TEST(!s.complains("no smtpd service"));
    s.postfix.main["non_smtpd_milters"] = "";
    BOOST_TEST(s.complains("WARNING mail from sendmail(1)"));
    Site inet;
    inet.settings.milter_socket = "inet:127.0.0.1:8890";
    for (const char* name : {"smtpd_milters", "non_smtpd_milters"})
        inet.postfix.main[name] = "inet:localhost:8890";
    BOOST_TEST(inet.findings() == "");
}

BOOST_AUTO_TEST_CASE(sizes_must_fit)
{
    Site s;
    s.postfix.main["message_size_limit"] = "0";
    BOOST_TEST(s.complains("FAULT message_size_limit is 0"));
    s.postfix.main["message_size_limit"] = std::to_string(s.settings.milter_message_max + 1);
    BOOST_TEST(s.complains("FAULT message_size_limit"));
    s.postfix.main["message_size_limit"] = std::to_string(s.settings.milter_message_max);
    BOOST_TEST(s.findings() == "");
}

BOOST_AUTO_TEST_CASE(the_loop_and_the_missing_listeners_are_found)
{
    Site s;
    s.postfix.services[2].options["smtpd_milters"] = "unix:direct/milter.sock";
    BOOST_TEST(s.complains("calls our milter"));
    s.postfix.services.erase(s.postfix.services.begin() + 2);
    BOOST_TEST(s.complains("no smtpd on 127.0.0.1:10026"));
    std::erase_if(s.postfix.services, [](const auto& one) { return one.name == "127.0.0.1:10027"; });
    BOOST_TEST(s.complains("delivery reports are not understood"));
    s.postfix.lookup = [](const std::string&, const std::string&) { return std::string(); };
    BOOST_TEST(s.complains("delivery reports get lost"));
    s.postfix.main["internal_mail_filter_classes"] = "bounce";
    BOOST_TEST(s.complains("internal_mail_filter_classes"));
    s.postfix.main["notify_classes"] = "resource, software";
    BOOST_TEST(!s.complains("notify_classes"));
    for (const char* copies : {"bounce", "2bounce", "delay"}) {
        s.postfix.main["notify_classes"] = std::string("resource, ") + copies;
        BOOST_TEST(s.complains("the postmaster gets the headers of opened Direct mail"), copies);
    }
}

BOOST_AUTO_TEST_CASE(aliases_that_lead_out_are_named)
{
    Site s;
    s.postfix.main["virtual_alias_maps"] = "hash:/etc/postfix/virtual";
    s.postfix.list = [](const std::string&) {
        return std::vector<std::pair<std::string, std::string>>{
            {"jones@direct.example.org", "jones@direct.example.org, copy@gmail.example"},
            {"sales@example.org", "x@elsewhere.example"},
            {"@direct.example.org", "postmaster"}};
    };
    BOOST_TEST(s.complains("jones@direct.example.org leads out to copy@gmail.example"));
    BOOST_TEST(!s.complains("x@elsewhere.example"));
    s.postfix.main["always_bcc"] = "archive@example.org";
    BOOST_TEST(s.complains("FAULT always_bcc"));
    s.postfix.main["mydestination"] = "localhost, direct.example.org";
    BOOST_TEST(s.complains(".forward"));
}

BOOST_AUTO_TEST_CASE(an_origin_that_is_a_direct_domain_is_a_fault)
{
    Site s;
    s.postfix.main["myorigin"] = "mx.example.org";
    BOOST_TEST(s.findings() == "");
    s.postfix.main["myorigin"] = "direct.example.org";
    BOOST_TEST(s.complains("FAULT myorigin is direct.example.org"));
}

BOOST_AUTO_TEST_CASE(postfix_must_not_give_up_before_we_answer)
{
    Site site;
    site.postfix.main["milter_content_timeout"] = "300s";
    BOOST_TEST(!site.complains("milter_content_timeout"));
    site.postfix.main["milter_content_timeout"] = "2m";
    BOOST_TEST(site.complains("WARNING milter_content_timeout (2m)"));
    site.settings.limits_work_wait = seconds(10);
    BOOST_TEST(!site.complains("milter_content_timeout"));
    site.postfix.main["milter_content_timeout"] = "30";
    BOOST_TEST(site.complains("milter_content_timeout"));
    site.postfix.main["milter_content_timeout"] = "300 parsecs";
    BOOST_TEST(!site.complains("milter_content_timeout"));
}

BOOST_AUTO_TEST_CASE(postfix_brakes_mail_that_never_leaves_its_first_queue)
{
    Site site;
    site.postfix.main["in_flow_delay"] = "1s";
    BOOST_TEST(site.complains("NOTE in_flow_delay is not 0"));
    site.postfix.services.push_back({"cleanup", "unix", "cleanup", {{"in_flow_delay", "0"}}});
    BOOST_TEST(!site.complains("in_flow_delay"));
    site.postfix.services.pop_back();
    site.postfix.main["in_flow_delay"] = "0";
    BOOST_TEST(!site.complains("in_flow_delay"));
}
