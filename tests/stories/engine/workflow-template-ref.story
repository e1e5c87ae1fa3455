# A workflow that is all in a stored template: its own arguments win, what is missing comes from the template.

object
    kind: WorkflowTemplate
    metadata: {name: stored}
    spec:
      entrypoint: main
      arguments: {parameters: [{name: a, value: one}, {name: b, value: two}]}
      templates:
      - name: main
        container: {image: busybox, args: ["{{workflow.parameters.a}}", "{{workflow.parameters.b}}"]}
----

workflow
    workflowTemplateRef: {name: stored}
    arguments: {parameters: [{name: b, value: mine}]}
----
ask for WorkflowTemplate stored
workflow: new -> Running
wf: new -> Pending
create wf one mine

wf succeeds
----
wf: Pending -> Succeeded
workflow: Running -> Succeeded

show wf templateScope
----
local/
