"""What a CDA document says in codes, times, quantities, ids and words, found by a walk that knows nothing of sections or templates, and
whether the answer of `directctl parse` says it too.

Per place (each entry of the body, and the header) everything the XML says is counted, and everything the items of that place
say; what the document says more often than the items is missing. An item belongs to the entry its `path` leads through.
"""
import collections
import re
import xml.etree.ElementTree as ElementTree

HL7 = "{urn:hl7-org:v3}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
# Where a reference leads is told by the words it leads to.
NO_VALUE = {"reference", "thumbnail"}
# Of these the document object says what they are in words of its own.
HEADER_KNOWN = {"templateId", "typeId", "realmCode"}


def local(element):
    return element.tag.rsplit("}", 1)[-1] if isinstance(element.tag, str) else ""


def steps_of(parent):
    """Children with their step in a path: name[number among its equals]."""
    count = collections.Counter()
    for child in parent:
        if not isinstance(child.tag, str):
            continue
        count[local(child)] += 1
        yield child, "%s[%d]" % (local(child), count[local(child)])


class Said:
    """Codes (with their system), times and other values, quantities (with their unit), ids, words, null flavours, and what is
    affirmed and denied (by its name in the answer), each with how often."""

    KINDS = {"codes": "code", "values": "value", "quantities": "quantity", "ids": "id", "words": "words",
             "nulls": "nullFlavor", "truths": "truth"}

    def __init__(self):
        for kind in self.KINDS:
            setattr(self, kind, collections.Counter())

    def missing_in(self, other):
        """Lines: what this says more often than the other. Words need only be there, in whatever longer text."""
        everything = "\n".join(other.words)
        for kind, name in self.KINDS.items():
            ours, theirs = getattr(self, kind), getattr(other, kind)
            for what, times in sorted(ours.items()):
                lost = times - theirs[what] if kind != "words" else what not in everything
                if lost > 0:
                    yield "%s %s x%d" % (name, what if isinstance(what, str) else " ".join(what).strip(), lost)


def normal(text):
    return " ".join((text or "").split())


# Elements that are yes or no, and what the answer calls them; of an attribute only the yes is told.
BOOLEANS = {"deceasedInd": "deceased", "preferenceInd": "preferred", "independentInd": "independent",
            "seperatableInd": "separable", "multipleBirthInd": "multipleBirth"}
TOLD_AS = {"relationNegated": "negationInd"}


def truths_of_xml(name, said_there, said):
    """Yes and no in whatever spelling; anything else must be told as it stands."""
    word = (said_there or "").strip().lower()
    if word in ("true", "1"):
        said.truths[BOOLEANS.get(name, name), "true"] += 1
    elif word in ("false", "0"):
        if name in BOOLEANS:
            said.truths[BOOLEANS[name], "false"] += 1
    elif said_there:
        said.values[said_there] += 1


def from_xml(element, said, skip=()):
    """Adds what an element and everything below it says. Narrative blocks are left out."""
    name = local(element)
    code, value = element.get("code"), element.get("value")
    if code:
        said.codes[code, element.get("codeSystem") or ""] += 1
    if element.get("nullFlavor"):
        said.nulls[element.get("nullFlavor")] += 1
    for indicator in ("negationInd", "inversionInd"):
        truths_of_xml(indicator, element.get(indicator), said)
    if name in BOOLEANS:
        truths_of_xml(name, value, said)
    elif value and name not in NO_VALUE:
        if element.get("unit"):
            said.quantities[value, element.get("unit")] += 1
        else:
            said.values[value] += 1
    if name != "templateId" and element.get("root"):
        said.ids[element.get("root"), element.get("extension") or ""] += 1
    if element.get("displayName"):
        said.words[normal(element.get("displayName"))] += 1
    if element.get("representation") != "B64":
        for text in [element.text] + [child.tail for child in element]:
            if normal(text):
                said.words[normal(text)] += 1
    for child in element:
        if isinstance(child.tag, str) and local(child) not in skip:
            from_xml(child, said, skip)


def from_json(node, said):
    """Adds what a JSON value says: objects with code or value, and every text on its own."""
    if isinstance(node, dict):
        if isinstance(node.get("root"), str):
            said.ids[node["root"], node.get("extension", "")] += 1
        if isinstance(node.get("code"), str):
            said.codes[node["code"], node.get("codeSystem", "")] += 1
            if node.get("codeSystem"):
                said.codes[node["code"], ""] += 1
        if isinstance(node.get("value"), str) and node.get("unit"):
            said.quantities[node["value"], node["unit"]] += 1
        for key, inner in node.items():
            if isinstance(inner, bool):
                said.truths[TOLD_AS.get(key, key), "true" if inner else "false"] += 1
            if isinstance(inner, str):
                if key == "nullFlavor" or key.endswith("NullFlavor"):
                    said.nulls[inner] += 1
                said.words[normal(inner)] += 1
                said.values[inner] += 1
                # Of the document itself: "root^extension" or "root".
                if key in ("id", "setId"):
                    root, _, extension = inner.partition("^")
                    said.ids[root, extension] += 1
                if key != "code":
                    said.codes[inner, ""] += 1
            else:
                from_json(inner, said)
    elif isinstance(node, list):
        for inner in node:
            if isinstance(inner, str):
                said.words[normal(inner)] += 1
                said.values[inner] += 1
                said.codes[inner, ""] += 1
            else:
                from_json(inner, said)
    elif isinstance(node, bool):
        said.values["true" if node else "false"] += 1
    elif isinstance(node, int):
        said.values[str(node)] += 1


# What of a narrative is never words to be read.
UNREAD = {"script", "style", "iframe", "col", "colgroup", "renderMultiMedia", "footnoteRef"}


def words_below(element):
    """All words of a narrative block without the blanks; what stands between its cells is not the question here."""
    if local(element) in UNREAD or (local(element) == "content" and element.get("revised") == "delete"):
        return ""
    inner = [words_below(child) + "".join((child.tail or "").split()) for child in element]
    return "".join((element.text or "").split()) + "".join(inner)


def lost_references(entry, by_id, told):
    """Lines: the references of texts that are neither followed nor told. Own words beside one are what is read, so there
    it must be told itself."""
    squeezed = None
    for ed in entry.iter():
        reference = ed.find(HL7 + "reference") if isinstance(ed.tag, str) and local(ed) != "thumbnail" else None
        where = reference.get("value") if reference is not None else None
        if not where or normal(where) in told.words:
            continue
        target = by_id.get(where.strip().lstrip("#"))
        words = words_below(target) if target is not None else ""
        if squeezed is None:
            squeezed = "\n".join("".join(text.split()) for text in told.words).replace("|", "")
        if normal(ed.text) or not words or words.replace("|", "") not in squeezed:
            yield "reference %s" % where


# A status is told as a word: that it is of code system ActStatus everybody knows.
PLAIN = {"2.16.840.1.113883.5.14", "2.16.840.1.113883.5.4", "2.16.840.1.113883.5.6"}


def forgive(raw, told):
    """Codes whose system is clear from where they stand may be told as a word."""
    for (code, system), times in list(raw.codes.items()):
        short = times - told.codes[code, system]
        if system and short > 0:
            have = told.codes[code, ""] - sum(
                n for (c, s), n in raw.codes.items() if c == code and s != system)
            told.codes[code, system] += max(0, min(short, have))


def nth(number):
    return "[%d]" % number if number > 1 else ""


def sections_of(root):
    """(section element, path), nested ones too: of every body, and every one of a component."""
    def section(element, here):
        yield element, here
        yield from below(element, here)

    def below(parent, path):
        for number, component in enumerate(parent.findall(HL7 + "component"), 1):
            for inside, element in enumerate(component.findall(HL7 + "section"), 1):
                yield from section(element, "%s/component[%d]/section%s" % (path, number, nth(inside)))
        for number, element in enumerate(parent.findall(HL7 + "section"), 1):
            yield from section(element, "%s/section%s" % (path, nth(number)))

    for number, component in enumerate(root.findall(HL7 + "component"), 1):
        for inside, body in enumerate(component.findall(HL7 + "structuredBody"), 1):
            yield from below(body, "/ClinicalDocument/component%s/structuredBody%s" % (nth(number), nth(inside)))


ENTRY = re.compile(r"^(.*?/entry\[\d+\])(/|$)")


def items_by_entry(answer):
    by = collections.defaultdict(list)
    for item in answer["items"]:
        match = ENTRY.match(item.get("path", ""))
        by[match.group(1) if match else "header"].append(item)
    return by


def name_of_entry(section):
    title = section.find(HL7 + "title")
    return "".join(title.itertext()).strip() if title is not None else "?"


def tree_of(xml):
    """The document's tree. Fragments in the field use the customary prefixes without declaring them."""
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        known = (b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"', b' xmlns:sdtc="urn:hl7-org:sdtc"')
        begin, name, rest = xml.partition(b"<ClinicalDocument")
        return ElementTree.fromstring(begin + name + b"".join(k for k in known if k.split(b"=")[0] not in rest) + rest)


def missing_of_ccr(root, answer):
    """The same for a CCR, which says everything in the text of elements: each as often as it stands there."""
    raw, told = Said(), Said()
    for element in root.iter():
        # A signature is told by the place where it stands.
        if isinstance(element.tag, str) and normal(element.text) and local(element) != "Signature":
            raw.values[normal(element.text)] += 1
    from_json([answer["document"], answer["items"]], told)
    for text, times in list(told.values.items()):
        if text != normal(text):
            told.values[normal(text)] += times
    return ["ccr: " + line for line in raw.missing_in(told)]


def missing(xml, answer):
    """Lines, one for each thing that the document says and the answer does not. Empty: nothing is lost."""
    root = tree_of(xml)
    if local(root) == "ContinuityOfCareRecord":
        return missing_of_ccr(root, answer)
    if not root.tag.startswith("{"):
        for e in root.iter():
            if isinstance(e.tag, str) and not e.tag.startswith("{"):
                e.tag = HL7 + e.tag
    by, out = items_by_entry(answer), []
    skipped = collections.Counter(s["section"] for s in answer.get("skipped", []))
    by_id = {}
    for element in root.iter():
        by_id.setdefault(element.get("ID"), element)
    names = {s["path"]: s["name"] for s in answer["document"].get("sections", [])}
    for section, path in sections_of(root):
        for number, entry in enumerate(section.findall(HL7 + "entry"), 1):
            where = "%s/entry[%d]" % (path, number)
            if where not in by and skipped[names.get(path, "other")]:
                skipped[names.get(path, "other")] -= 1
                continue
            raw, told = Said(), Said()
            from_xml(entry, raw)
            from_json(by.get(where, []), told)
            forgive(raw, told)
            statement = "/".join(local(e) for e in list(entry)[:1])
            place = "%s (%s) %s/%s" % (names.get(path), name_of_entry(section), where, statement)
            out += ["%s: %s" % (place, line) for line in raw.missing_in(told)]
            out += ["%s: %s" % (place, line) for line in lost_references(entry, by_id, told)]
        raw, told = Said(), Said()
        for child in section:
            if isinstance(child.tag, str) and local(child) not in ("text", "entry", "component", "section"):
                from_xml(child, raw)
        from_json([s for s in answer["document"].get("sections", []) if s["path"] == path], told)
        forgive(raw, told)
        out += ["%s section %s: %s" % (names.get(path), path, line) for line in raw.missing_in(told)]
    raw, told = Said(), Said()
    for child in root:
        if isinstance(child.tag, str) and local(child) not in HEADER_KNOWN | {"component"}:
            from_xml(child, raw)
    document = {k: v for k, v in answer["document"].items() if k not in ("sections", "aroundSections")}
    from_json([document] + by.get("header", []), told)
    forgive(raw, told)
    out += ["header: " + line for line in raw.missing_in(told)]
    raw, told = Said(), Said()
    inside = {"component", "section", "structuredBody", "nonXMLBody"}
    for step in ("component", "component/structuredBody", "component/structuredBody/component"):
        for level in root.findall("/".join(HL7 + name for name in step.split("/"))):
            for child in level:
                if isinstance(child.tag, str) and local(child) not in inside:
                    from_xml(child, raw)
    from_json(answer["document"].get("aroundSections", []), told)
    forgive(raw, told)
    out += ["around the sections: " + line for line in raw.missing_in(told)]
    return out
