"""Writes vimService.wsdl, vim.wsdl and vim-types.xsd: what clients generated from a WSDL expect.

vimService.wsdl has the service and imports vim.wsdl (messages, port type, binding), which includes
the types of vim-types.xsd.
"""

from xml.sax.saxutils import escape, quoteattr

from schema_parse import PRIMITIVES

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<!-- Generated from schema/ by tools/schema_gen.py. -->\n'

# Names in the language of the schema that XML schema does not have.
PLAIN = {'typeName': 'string', 'methodName': 'string', 'propertyPath': 'string'}

# Where a client finds the service when it does not set the address itself.
ADDRESS = 'https://localhost/sdk/vimService'


def xsd_name(t):
    if t.is_ref:
        return 'vim25:ManagedObjectReference'
    if t.name in PRIMITIVES:
        return 'xsd:' + (PRIMITIVES[t.name][2] or PLAIN[t.name])
    return 'vim25:' + t.name


def element(f, name=None):
    bounds = ''
    if f.optional or f.type.is_array:
        bounds += ' minOccurs="0"'
    if f.type.is_array:
        bounds += ' maxOccurs="unbounded"'
    return f'<element name={quoteattr(name or f.name)} type="{xsd_name(f.type)}"{bounds}/>'


def complex_type(name, base, elements, abstract=False):
    out = [f'  <complexType name="{name}"{" abstract=" + quoteattr("true") if abstract else ""}>']
    if base:
        out += ['    <complexContent>', f'      <extension base="vim25:{base}">']
    out.append('        <sequence>')
    out += ['          ' + e for e in elements]
    out.append('        </sequence>')
    if base:
        out += ['      </extension>', '    </complexContent>']
    out.append('  </complexType>')
    return out


def array_type(item, item_type, name):
    return complex_type('ArrayOf' + item, None,
                        [f'<element name="{name}" type="{item_type}" minOccurs="0" maxOccurs="unbounded"/>'])


def base_types():
    out = complex_type('DynamicProperty', None, [
        '<element name="name" type="xsd:string"/>', '<element name="val" type="xsd:anyType"/>'])
    out += complex_type('DynamicData', None, [
        '<element name="dynamicType" type="xsd:string" minOccurs="0"/>',
        '<element name="dynamicProperty" type="vim25:DynamicProperty" minOccurs="0" maxOccurs="unbounded"/>'])
    out += ['  <complexType name="ManagedObjectReference">', '    <simpleContent>',
            '      <extension base="xsd:string">', '        <attribute name="type" type="xsd:string"/>',
            '      </extension>', '    </simpleContent>', '  </complexType>']
    out += array_type('ManagedObjectReference', 'vim25:ManagedObjectReference', 'ManagedObjectReference')
    for name, xsd in (('String', 'string'), ('Boolean', 'boolean'), ('Byte', 'byte'), ('Short', 'short'),
                      ('Int', 'int'), ('Long', 'long'), ('Float', 'float'), ('Double', 'double'),
                      ('AnyType', 'anyType'), ('AnyURI', 'anyURI')):
        out += array_type(name, 'xsd:' + xsd, xsd)
    return out


def visible(model):
    return [model.methods[n] for n in sorted(model.methods) if not model.methods[n].hidden]


def declared_faults(method):
    return list(dict.fromkeys(method.faults + ['RuntimeFault']))


def types_xsd(model):
    out = [HEAD + '<schema xmlns="http://www.w3.org/2001/XMLSchema" xmlns:xsd="http://www.w3.org/2001/XMLSchema"',
           '        xmlns:vim25="urn:vim25" targetNamespace="urn:vim25" elementFormDefault="qualified"',
           '        version="1.0">']
    out += base_types()
    for n in sorted(model.data):
        d = model.data[n]
        if n != 'DynamicProperty':
            out += complex_type(n, d.base or 'DynamicData', [element(f) for f in d.fields], d.abstract)
        out += array_type(n, 'vim25:' + n, n)
    for n in sorted(model.enums):
        out += [f'  <simpleType name="{n}">', '    <restriction base="xsd:string">']
        out += [f'      <enumeration value={quoteattr(v)}/>' for v, _ in model.enums[n].values]
        out += ['    </restriction>', '  </simpleType>']
        out += array_type(n, 'vim25:' + n, n)
    used = sorted({f for m in visible(model) for f in declared_faults(m)})
    out += [f'  <element name="{f}Fault" type="vim25:{f}"/>' for f in used]
    for m in visible(model):
        this = '<element name="_this" type="vim25:ManagedObjectReference"/>'
        out += complex_type(m.name + 'RequestType', None, [this] + [element(f) for f in m.params])
        out.append(f'  <element name="{m.name}" type="vim25:{m.name}RequestType"/>')
        out.append(f'  <element name="{m.name}Response">')
        out += ['    <complexType>', '      <sequence>']
        if m.result:
            out.append('        ' + element(m.result))
        out += ['      </sequence>', '    </complexType>', '  </element>']
    out.append('</schema>')
    return '\n'.join(out) + '\n'


def vim_wsdl(model):
    out = [HEAD + '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"',
           '             xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:vim25="urn:vim25"',
           '             xmlns:interface="urn:vim25Service" targetNamespace="urn:vim25Service">',
           '  <types>', '    <schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:vim25">',
           '      <include schemaLocation="vim-types.xsd"/>', '    </schema>', '  </types>']
    methods = visible(model)
    for f in sorted({f for m in methods for f in declared_faults(m)}):
        out += [f'  <message name="{f}">', f'    <part name="fault" element="vim25:{f}Fault"/>', '  </message>']
    for m in methods:
        for suffix, el in (('RequestMsg', m.name), ('ResponseMsg', m.name + 'Response')):
            out += [f'  <message name="{m.name}{suffix}">', f'    <part name="parameters" element="vim25:{el}"/>',
                    '  </message>']
    out.append('  <portType name="VimPortType">')
    for m in methods:
        out += [f'    <operation name="{m.name}">', f'      <input message="interface:{m.name}RequestMsg"/>',
                f'      <output message="interface:{m.name}ResponseMsg"/>']
        out += [f'      <fault name="{f}" message="interface:{f}"/>' for f in declared_faults(m)]
        out.append('    </operation>')
    out.append('  </portType>')
    out += ['  <binding name="VimBinding" type="interface:VimPortType">',
            '    <soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>']
    action = escape('urn:vim25/' + model.advertised)
    for m in methods:
        out += [f'    <operation name="{m.name}">', f'      <soap:operation soapAction="{action}" style="document"/>',
                '      <input><soap:body use="literal"/></input>', '      <output><soap:body use="literal"/></output>']
        out += [f'      <fault name="{f}"><soap:fault name="{f}" use="literal"/></fault>' for f in declared_faults(m)]
        out.append('    </operation>')
    out += ['  </binding>', '</definitions>']
    return '\n'.join(out) + '\n'


def service_wsdl():
    return HEAD + f'''<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"
             xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:interface="urn:vim25Service"
             targetNamespace="urn:vim25Service">
  <import location="vim.wsdl" namespace="urn:vim25Service"/>
  <service name="VimService">
    <port binding="interface:VimBinding" name="VimPort">
      <soap:address location="{ADDRESS}"/>
    </port>
  </service>
</definitions>
'''
