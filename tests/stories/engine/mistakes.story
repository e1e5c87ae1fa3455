# What a person got wrong and only shows while it runs, shows on the node that needed it, and harms nothing else.

object
    kind: WorkflowTemplate
    metadata: {name: broken}
    spec:
      templates:
      - name: main
        container: {image: busybox, command: 7}
----

workflow
    entrypoint: main
    templates:
    - name: main
      dag:
        failFast: false
        tasks:
        - {name: no-json, template: say, withParam: "not json", arguments: {parameters: [{name: text, value: x}]}}
        - {name: bad-when, template: say, when: "a ==", arguments: {parameters: [{name: text, value: x}]}}
        - {name: later, template: later}
        - {name: nowhere, templateRef: {name: nowhere, template: x}}
        - {name: broken, templateRef: {name: broken, template: main}}
        - {name: good, template: say, arguments: {parameters: [{name: text, value: fine}]}}
        - {name: after, template: say, dependencies: [good], arguments: {parameters: [{name: text, value: "{{tasks.good.outputs.parameters.out}}"}]}}
        - {name: formula, template: say, dependencies: [good], arguments: {parameters: [{name: text, value: "{{=jsonpath(tasks.good.outputs.result, '$.a.b')}}"}]}}
    - name: say
      inputs: {parameters: [{name: text}]}
      outputs: {parameters: [{name: out, valueFrom: {path: /out}}]}
      container: {image: busybox, args: ["{{inputs.parameters.text}}"]}
    - name: later
      plugin: {hello: {}}
----
workflow: new -> Running
wf: new -> Running
wf.no-json: new -> Error (withParam value could not be parsed as a JSON list: not json: invalid literal, expected 'null': line 1 column 1 (char 0))
wf.bad-when: new -> Error (Invalid 'when' expression 'a ==': ends where a value was expected\n  a ==\n      ^)
wf.later: new -> Error (template type 'plugin' is not supported yet)
wf.good: new -> Pending
create wf-say-2116400611 fine (result wanted)
ask for WorkflowTemplate nowhere
ask for WorkflowTemplate broken
wf.nowhere: new -> Error (workflow template nowhere not found)
wf.broken: new -> Error (WorkflowTemplate broken: spec.templates[0].container.command: must be a list, but is the number 7)

wf.good succeeds "result=no json"
----
wf.good: Pending -> Succeeded
wf.after: new -> Error ({{tasks.good.outputs.parameters.out}} is not known here; did you mean 'tasks.good.outputs.result'?)
wf.formula: new -> Error ({{=jsonpath(tasks.good.outputs.result, '$.a.b')}}: this is not JSON (Expecting value near 'no json')\n  jsonpath(tasks.good.outputs.result, '$.a.b')\n  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^)
wf: Running -> Error
workflow: Running -> Error
