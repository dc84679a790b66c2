"""Documents that want to hurt, made when they are needed: name, bytes, what may become of them, and what must hold of an answer.

Statuses: those of `directctl parse` ("parsed" when there is no error). Nothing here is larger on disk than its recipe.
"""
import base64

HEAD = b'<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
TAIL = b"</ClinicalDocument>"
CANARY = b"canary-that-may-never-sing"


def cda(inside, before=b""):
    return before + HEAD + inside + TAIL


def body(*sections):
    return cda(b"<component><structuredBody>" + b"".join(b"<component><section>" + s + b"</section></component>"
                                                         for s in sections) + b"</structuredBody></component>")


def ccr(inside):
    return (b'<ContinuityOfCareRecord xmlns="urn:astm-org:CCR"><Body><Problems><Problem>' + inside +
            b"</Problem></Problems></Body></ContinuityOfCareRecord>")


def allergies(entries, text=b""):
    return body(b'<templateId root="2.16.840.1.113883.10.20.22.2.6.1"/><title>T</title><text>' + text + b"</text>" + entries)


def result(value):
    return body(b'<templateId root="2.16.840.1.113883.10.20.22.2.3.1"/><entry><observation classCode="OBS" moodCode="EVN">'
                b'<code code="1"/>' + value + b"</observation></entry>")


def entity_document(doctype, use=b"&a;"):
    return cda(b"<title>" + use + b"</title>", b'<?xml version="1.0"?>' + doctype)


def laughs():
    levels = b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 10))
    return entity_document(b'<!DOCTYPE x [<!ENTITY a0 "lol">' + levels + b"]>", b"&a9;")


def many_attributes(elements, each):
    one = b"<a" + b"".join(b' a%d=""' % i for i in range(each)) + b"/>"
    return cda(one * elements)


def nested(depth, begin=b"<a>", end=b"</a>"):
    return begin * depth + end * depth


class Document:
    def __init__(self, name, content, statuses, holds=None, charset=""):
        self.name, self.make, self.statuses, self.holds, self.charset = name, content, statuses, holds, charset

    @property
    def content(self):
        return self.make() if callable(self.make) else self.make


def texts(node):
    """Every text of an answer."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for inner in node.values():
            yield from texts(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from texts(inner)


def says(part):
    return lambda answer: any(part in text for text in texts(answer))


def never_says(part):
    return lambda answer: not any(part in text for text in texts(answer))


def told_as_skipped(answer):
    return bool(answer["skipped"])


def narrative_is_clean(answer):
    page = answer["document"]["sections"][0]["narrativeHtml"].lower()
    return "kept <span" in page and not any(b in page for b in ("<script", "alert", "<style", "url(", "<iframe", "onclick",
                                                                 "javascript:", "data:", "<img"))


def documents(canary_file="/etc/hostname"):
    """All of them; `canary_file` is what the external entities point to."""
    where = canary_file.encode()
    bad, parsed, limit = {"malformed"}, {"parsed"}, {"limit"}
    return [
        # entities and what else a DOCTYPE brings
        Document("billion laughs", laughs, bad),
        Document("quadratic entities", lambda: entity_document(b'<!DOCTYPE x [<!ENTITY a "%s">]>' % (b"x" * 100000),
                                                               b"&a;" * 10000), bad | parsed),  # its root is so far away that it is a file
        Document("external entity", entity_document(b'<!DOCTYPE x [<!ENTITY a SYSTEM "file://%s">]>' % where), bad),
        Document("parameter entity", entity_document(b'<!DOCTYPE x [<!ENTITY %% p SYSTEM "file://%s"> %%p;]>' % where), bad),
        Document("external subset", entity_document(b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">'), bad),
        Document("include by XInclude", cda(b'<title><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" '
                                            b'href="file://%s"/></title>' % where), parsed),
        # size and shape
        Document("10000 levels", lambda: cda(nested(10000)), limit),
        Document("1000000 levels", lambda: cda(nested(1000000)), limit),
        Document("101 levels of entries", lambda: allergies(b"<entry>" + nested(
            50, b"<act><entryRelationship>", b"</entryRelationship></act>") + b"</entry>"), limit),
        Document("40 statements deep", lambda: allergies(b"<entry>" + nested(
            40, b'<act><code code="c"/><entryRelationship>', b"</entryRelationship></act>") + b"</entry>"), parsed),
        Document("CCR, 90 elements in each other", lambda: ccr(nested(90, b"<a>", b"</a>")), parsed, told_as_skipped),
        Document("CCR, 40 problems in each other", lambda: ccr(nested(40, b"<Problems><Problem>", b"</Problem></Problems>")),
                 parsed, told_as_skipped),
        Document("text of 50 MB", lambda: cda(b"<title>" + b"x" * (50 << 20) + b"</title>"), limit),
        Document("text of 30 MB", lambda: body(b"<text>" + b"x" * (30 << 20) + b"</text>"), parsed, told_as_skipped),
        Document("attribute of 30 MB", lambda: cda(b'<title a="%s">t</title>' % (b"x" * (30 << 20))), parsed),
        Document("1000000 attributes of one element", lambda: many_attributes(1, 1000000), limit),
        Document("1000000 attributes", lambda: many_attributes(4000, 250), parsed),
        Document("1000000 elements", lambda: cda(b"<a/>" * 1000000), limit),
        Document("100001 entries", lambda: allergies(b"<entry><act/></entry>" * 100001), limit),
        Document("90000 sections", lambda: body(*[b"<title/>"] * 90000), parsed, told_as_skipped),
        Document("sections in sections", lambda: cda(b"<component><structuredBody>" + nested(
            45, b"<component><section><title>T</title>", b"</section></component>") + b"</structuredBody></component>"), parsed),
        Document("displayName of 1 MB", lambda: allergies(
            b'<entry><observation><code code="c" displayName="%s"/></observation></entry>' % (b"d" * (1 << 20))), parsed),
        Document("section with a displayName of 5 MB", lambda: body(
            b'<code code="c" displayName="%s"/>' % (b"d" * (5 << 20))), parsed, told_as_skipped),
        Document("id of 1 MB", lambda: allergies(
            b'<entry><observation><id root="1.2" extension="%s"/></observation></entry>' % (b"7" * (1 << 20))), parsed),
        Document("id of 600 bytes", allergies(
            b'<entry><observation><id root="1.2" extension="%s"/></observation></entry>' % (b"7" * 600)), parsed, says("7" * 600)),
        Document("comments and instructions", lambda: cda(b"<!-- x --><?y z?>" * 500000), parsed | limit),
        # references
        Document("duplicate ids", lambda: allergies(
            b'<entry><observation><code code="c"><originalText><reference value="#x"/></originalText></code></observation></entry>'
            * 1000, b'<content ID="x">first</content>' + b'<content ID="x">second</content>' * 10000), parsed, says("first")),
        Document("reference loop", allergies(
            b'<entry><observation ID="o"><text ID="t"><reference value="#o"/></text><code><originalText ID="u">'
            b'<reference value="#t"/></originalText></code></observation></entry>'), parsed),
        Document("references to one long text", lambda: allergies(
            b'<entry><observation><text><reference value="#x"/></text></observation></entry>' * 20000,
            b'<content ID="x">' + b"y" * (1 << 20) + b"</content>"), parsed),
        Document("ED in ED", lambda: result(b'<value xsi:type="ED">' + nested(90, b"<thumbnail>", b"</thumbnail>") + b"</value>"),
                 parsed),
        # characters and encodings
        Document("UTF-7", b'<?xml version="1.0" encoding="utf-7"?>' + cda(b"<title>+ADw-script+AD4-</title>"), parsed | bad,
                 never_says("<script")),
        Document("broken UTF-8", cda(b"<title>a\xff\xc0\xaf\xed\xa0\x80\xf8z</title>"), parsed, says("z")),
        Document("reference to no character", cda(b"<title>a&#0;b&#xD800;c&#x110000;d&#1;e</title>"), parsed, says("e")),
        Document("bytes without character", cda(b"<title>a\x00b\x01c</title>"), parsed),
        Document("UTF-16 cut in half", cda(b"").decode().encode("utf-16")[:-1], parsed | bad),
        # structure
        Document("two roots", cda(b"") + cda(b""), bad),
        Document("no end", HEAD + b"<component>", bad),
        Document("empty", b"", parsed),
        Document("only a declaration", b'<?xml version="1.0"?>', parsed | bad),
        # values
        Document("1e400", result(b'<value xsi:type="PQ" value="1e400" unit="mg"/>'), parsed, says("1e400")),
        Document("NaN", result(b'<value xsi:type="PQ" value="NaN" unit="mg"/>'), parsed, says("NaN")),
        Document("a unit that is markup", result(b'<value xsi:type="PQ" value="1" unit="&quot;}],&quot;x&quot;:&lt;b>"/>'), parsed,
                 says('"}],"x":<b>')),
        Document("the 13th month", result(b'<effectiveTime value="20151331"/>'), parsed, says("20151331")),
        # narrative
        Document("script and style in a narrative", body(
            b'<text>kept <content onclick="alert(1)" styleCode="Bold">words</content><script>alert(1)</script>'
            b'<style>x{background:url(http://x/)}</style><iframe src="http://x/">alert</iframe>'
            b'<linkHtml href="javascript:alert(1)">l</linkHtml><linkHtml href="data:text/html,x">d</linkHtml>'
            b'<img src="http://x/i.png" onerror="alert(1)"/></text>'), parsed, narrative_is_clean),
        Document("narrative in 400000 elements", lambda: body(b"<text>" + b"<content>x</content>" * 400000 + b"</text>"), parsed),
        Document("narrative of quotes", lambda: body(b"<text>" + b'"' * (8 << 20) + b"</text>"), parsed, told_as_skipped),
        # a body in a body
        Document("body inside a body", lambda: inside_out(5), parsed),
        Document("body of 20 MB that is no base64", lambda: cda(
            b'<component><nonXMLBody><text representation="B64">' + b"*" * (20 << 20) + b"</text></nonXMLBody></component>"),
            parsed, told_as_skipped),
    ]


def inside_out(levels):
    content = cda(b"<title>innermost</title>")
    for _ in range(levels):
        content = cda(b'<component><nonXMLBody><text mediaType="text/xml" representation="B64">' + base64.b64encode(content) +
                      b"</text></nonXMLBody></component>")
    return content
