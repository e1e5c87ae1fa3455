# Values come from ConfigMaps; a missing one is made good by a default, or is a mistake.

object
    kind: ConfigMap
    metadata: {name: settings}
    data: {color: red}
----

workflow
    entrypoint: main
    arguments: {parameters: [{name: color, valueFrom: {configMapKeyRef: {name: settings, key: color}}}]}
    templates:
    - name: main
      dag:
        tasks:
        - {name: good, template: good}
        - {name: bad, template: bad}
    - name: good
      inputs: {parameters: [{name: size, valueFrom: {default: small, configMapKeyRef: {name: settings, key: size}}}]}
      container: {image: busybox, args: ["{{workflow.parameters.color}}", "{{inputs.parameters.size}}"]}
    - name: bad
      inputs: {parameters: [{name: size, valueFrom: {configMapKeyRef: {name: nowhere, key: size}}}]}
      container: {image: busybox}
----
ask for ConfigMap settings
workflow: new -> Running
wf: new -> Running
wf.good: new -> Pending
create wf-good-2116400611 red small
ask for ConfigMap nowhere
wf.bad: new -> Error (unable to retrieve inputs.parameters.size from ConfigMap 'nowhere': it does not exist)

wf.good succeeds
----
wf.good: Pending -> Succeeded
wf: Running -> Error
workflow: Running -> Error
