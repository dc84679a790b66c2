"""Metadata of XDM packages with everything the standards allow and much that they do not, made when needed."""
import random
from xml.sax.saxutils import quoteattr, escape

from packages import INNER, PACKAGE, Member, zipped

RIM = "urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"
TYPES = "urn:oasis:names:tc:ebxml-regrep:ObjectType:RegistryObject:"
CLASS_CODE, AUTHOR = "41a5887f-8865-4c09-adf7-e362475b143a", "93606bcf-9494-43ec-9b4e-a7748d1a838d"
EVENT, FOLDER_CODES = "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4", "1ba97051-7806-41a8-a48b-8fce7af683c5"
DOCUMENTATION = "abd807a3-4432-4053-87b4-fd82c643d1f3"
SET_AUTHOR, SET_NODE = "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d", "urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"
FOLDER_NODE = "urn:uuid:d9d542f3-6cc4-48b6-8870-ea235fbc94c2"


def element(tag, /, *inside, **attributes):
    """<tag a="b">inside</tag>; inside is XML, "__" in a name a colon."""
    return "<%s%s>%s</%s>" % (tag, "".join(" %s=%s" % (k.replace("__", ":"), quoteattr(v)) for k, v in attributes.items()),
                              "".join(inside), tag)


def slot(name, /, *values, **attributes):
    return element("Slot", element("ValueList", *[element("Value", escape(v)) for v in values]), name=name, **attributes)


def named(text, name="Name", **attributes):
    return element(name, element("LocalizedString", value=text, **attributes))


def code(scheme, value, *inside, **attributes):
    return element("Classification", slot("codingScheme", "system of " + value), named("name of " + value), *inside,
                   classificationScheme="urn:uuid:" + scheme, nodeRepresentation=value, **attributes)


def identifier(scheme, value, label, *inside, **attributes):
    return element("ExternalIdentifier", named(label), *inside, identificationScheme="urn:uuid:" + scheme, value=value, **attributes)


def document(number, *more):
    me = "Document%02d" % number
    return element(
        "ExtrinsicObject", slot("URI", "DOC%d.XML" % number), slot("creationTime", "2030010%d" % number),
        slot("legalAuthenticator", "first signer %d" % number, "second signer %d" % number),
        slot("sourcePatientInfo", "PID-5|Made-Up^Ada"), slot("sourcePatientInfo", "PID-8|F"),
        slot("house", "kept %d" % number, "and kept", slotType="urn:house:type"), named("Letter %d" % number),
        element("Description", element("LocalizedString", value="in English"),
                element("LocalizedString", value="auf Deutsch", xml__lang="de-DE", charset="ISO-8859-1")),
        element("VersionInfo", versionName="1.%d" % number, comment="of the version"),
        element("Classification", slot("authorPerson", "^Made-Up^Bo"), slot("authorBeeper", "555 %d" % number),
                slot("authorPerson", "^Made-Up^Cy"), classificationScheme="urn:uuid:" + AUTHOR, classifiedObject=me),
        element("Classification", slot("authorInstitution", "Nonesuch", "Nowhere"), classificationScheme="urn:uuid:" + AUTHOR),
        code(CLASS_CODE, "class %d" % number, named("of a code", "Description"), id="cl%d" % number, classifiedObject=me),
        code(CLASS_CODE, "second class", slot("codingSchemeVersion", "7")), code(EVENT, "event 1"), code(EVENT, "event 2"),
        code("00000000-0000-4000-8000-000000000001", "of nobody's scheme", code("00000000-0000-4000-8000-000000000002", "in it")),
        identifier("58a6f841-87b3-4a3e-92fd-a8ffeff98427", "P1^^^&1.2.3&ISO", "XDSDocumentEntry.patientId", registryObject=me),
        identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "1.9.%d" % number, "a name of its own"),
        identifier("2e82c1f6-a085-4c72-9da3-8640a32e42ab", "1.9.%d.2" % number, "XDSDocumentEntry.uniqueId"),
        identifier("00000000-0000-4000-8000-000000000003", "other %d" % number, "of the house", slot("where", "here")),
        *more, id=me, lid="urn:uuid:logical-%d" % number, home="urn:oid:1.2.%d" % number, mimeType="text/xml",
        status="urn:oasis:names:tc:ebxml-regrep:StatusType:Approved", objectType="urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1",
        isOpaque="false")


def submission_set(number, *more):
    return element(
        "RegistryPackage", slot("submissionTime", "2030010%d" % number), slot("intendedRecipient", "|to%d@direct.example.org" % number),
        named("Set %d" % number), element("Classification", slot("authorRole", "sender"), classificationScheme="urn:uuid:" + SET_AUTHOR),
        identifier("96fdda7c-d067-4183-912e-bf5ee74998a8", "1.8.%d" % number, "XDSSubmissionSet.uniqueId"),
        identifier("554ac39e-e3fe-47fe-b233-965d2a147832", "1.7.%d" % number, "XDSSubmissionSet.sourceId"), *more,
        id="Set%d" % number, home="urn:oid:1.3", objectType=TYPES + "RegistryPackage")


def folder(*more):
    return element(
        "RegistryPackage", slot("lastUpdateTime", "20300108", "20300109"), slot("houseFolder", "green"), named("Folder of Ada"),
        named("all of one stay", "Description"), code(FOLDER_CODES, "folder 1"), code(FOLDER_CODES, "folder 2"),
        identifier("75df8f67-9973-4fbe-a900-df66cefecc5a", "1.6.1", "XDSFolder.uniqueId"),
        identifier("f64ffdf0-4b97-4e06-b79f-a52b38ec2f8a", "P1^^^&1.2.3&ISO", "XDSFolder.patientId"), *more, id="Folder1",
        status="Approved", lid="Folder1")


def association(kind, source, target, *inside, **more):
    return element("Association", *inside, associationType=kind, sourceObject=source, targetObject=target,
                   id="%s-%s" % (source, target), **more)


def apart(node, of, **more):
    return element("Classification", classificationNode=node, classifiedObject=of, id="node of " + of, **more)


def objects():
    """A whole package's worth of them."""
    iti = "urn:ihe:iti:2007:AssociationType:"
    return [
        document(1), document(2), submission_set(1), submission_set(2), folder(), apart(SET_NODE, "Set1"), apart(SET_NODE, "Set2"),
        apart(FOLDER_NODE, "Folder1"), element("RegistryPackage", named("Neither"), id="Package1"),
        association("urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember", "Set1", "Document01",
                    slot("SubmissionSetStatus", "Original"), slot("PreviousVersion", "3")),
        association("HasMember", "Folder1", "Document01"),
        association(iti + "RPLC", "Document02", "Document01", code(DOCUMENTATION, "why"), slot("reason", "a mistake")),
        association(iti + "RPLC", "Document01", "urn:uuid:older-than-this", status="Approved"),
        *[association(iti + kind, "Document02", "urn:uuid:" + kind) for kind in ("APND", "XFRM", "XFRM_RPLC", "signs", "IsSnapshotOf")],
        association("urn:oasis:names:tc:ebxml-regrep:AssociationType:UpdateAvailabilityStatus", "Set2", "urn:uuid:elsewhere",
                    slot("NewStatus", "Deprecated"), slot("OriginalStatus", "Approved")),
        association("house", "cl1", "Document01"), apart("urn:uuid:node-of-nobody", "Document01"),
        apart("urn:uuid:node-of-nobody", "nowhere"), code(EVENT, "from outside", classifiedObject="Document02"),
        identifier("00000000-0000-4000-8000-000000000004", "from outside", "of the house", registryObject="Document02"),
        *[element("ObjectRef", id=i) for i in (SET_NODE, "urn:uuid:" + EVENT, "urn:uuid:a-house's-own")],
        element("ExternalLink", named("where more is"), id="link1", externalURI="https://example.org/"),
        element("Organization", element("Address", city="Nowhere"), "its words", element("Empty"), id="org1")]


def three(*inside, before=""):
    """ebRS 3.0."""
    return ('<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns="%s" comment="of it all">%s'
            "<RegistryObjectList>%s</RegistryObjectList></lcm:SubmitObjectsRequest>" % (RIM, before, "".join(inside))).encode()


def two(*inside):
    """ebRS 2.1."""
    return ('<SubmitObjectsRequest xmlns="urn:oasis:names:tc:ebxml-regrep:registry:xsd:2.1"><LeafRegistryObjectList '
            'xmlns="urn:oasis:names:tc:ebxml-regrep:rim:xsd:2.1">%s</LeafRegistryObjectList></SubmitObjectsRequest>' %
            "".join(inside)).encode()


def provided(*inside):
    """ProvideAndRegister with objects inside a package, and a document in the request."""
    return (b'<x:ProvideAndRegisterDocumentSetRequest xmlns:x="urn:ihe:iti:xds-b:2007">' +
            three(submission_set(1, element("RegistryObjectList", *inside)), apart(SET_NODE, "Set1"),
                  before=element("RequestSlotList", slot("homeCommunityId", "urn:oid:1.2.3"))) +
            b'<x:Document id="Document01">aW4gaXQ=</x:Document></x:ProvideAndRegisterDocumentSetRequest>')


def package(*metadata):
    """Each in a folder of its own, with two documents beside it."""
    members = []
    for number, xml in enumerate(metadata, 1):
        where = PACKAGE.replace(b"01", b"%02d" % number)
        members += [Member(where + b"METADATA.XML", xml), Member(where + b"DOC1.XML", INNER), Member(where + b"DOC2.XML", INNER)]
    return zipped(*members)


def at_random(chance, depth=0):
    """Any element in any other, with attributes of any name; no value stands twice."""
    known = ["ExtrinsicObject", "RegistryPackage", "Association", "ObjectRef", "Classification", "ExternalIdentifier", "Slot",
             "ValueList", "Value", "Name", "Description", "LocalizedString", "VersionInfo", "RegistryObjectList", "House"]
    names = ["id", "lid", "home", "status", "objectType", "mimeType", "name", "value", "classificationScheme", "classificationNode",
             "nodeRepresentation", "identificationScheme", "associationType", "sourceObject", "targetObject", "versionName",
             "comment", "charset", "slotType", "classifiedObject", "house"]
    schemes = [CLASS_CODE, AUTHOR, EVENT, FOLDER_CODES, DOCUMENTATION, SET_AUTHOR, "58a6f841-87b3-4a3e-92fd-a8ffeff98427",
               "554ac39e-e3fe-47fe-b233-965d2a147832"]

    def value_of(name):
        if name in ("classificationScheme", "identificationScheme") and chance.random() < .7:
            return "urn:uuid:" + chance.choice(schemes)
        if name == "classificationNode" and chance.random() < .5:
            return chance.choice([SET_NODE, FOLDER_NODE])
        return "v%x" % chance.getrandbits(64)
    attributes = {name: value_of(name) for name in chance.sample(names, chance.randrange(5))}
    inside = [at_random(chance, depth + 1) for _ in range(chance.randrange(1, 6) if depth < 6 else 0)]
    words = "t%x" % chance.getrandbits(64) if chance.random() < .2 else ""
    return element(chance.choice(known) if depth else "House", words, *inside, **attributes)


def of_seed(seed):
    return at_random(random.Random(seed)).encode()
