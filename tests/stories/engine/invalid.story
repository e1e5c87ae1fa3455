# A spec that is wrong as a whole runs nothing, and all that is wrong is told at once.

workflow
    entrypoint: mian
    templates:
    - name: main
      dag:
        tasks:
        - {name: typo, template: say, arguments: {parameters: [{name: text, value: "{{workflow.nmae}}"}]}}
        - {name: missing, template: say}
        - {name: no-such, template: sya}
    - name: say
      inputs: {parameters: [{name: text}]}
      container: {image: busybox, args: ["{{inputs.parameters.text}}"]}
----
workflow: new -> Failed (invalid spec: spec.entrypoint: names template 'mian', which does not exist; did you mean 'main'?; spec.templates[0].dag.tasks[1]: input parameter 'text' of template 'say' gets no value; add it to arguments.parameters or give it a default; spec.templates[0].dag.tasks[2].template: names template 'sya', which does not exist; did you mean 'say'?; spec.templates[0].dag.tasks[0].arguments.parameters[0].value: {{workflow.nmae}} cannot be filled: 'workflow.nmae' does not exist; did you mean 'name'?)
